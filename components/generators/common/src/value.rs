//! A tree of named values in their order: what YAML and JSON manifests are.

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A switch.
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Named values in order.
    Map(Fields),
}

/// Named values in order; a name appears once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Value)>);

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts.
    pub fn texts<I: IntoIterator<Item: Into<String>>>(texts: I) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// The value as a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a list; one that is none has no items.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The value as named values.
    pub fn as_fields(&self) -> Option<&Fields> {
        match self {
            Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The value that a name has in this map.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_fields()?.get(name)
    }

    /// Whether the value says nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(fields) => fields.is_empty(),
            Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// Every text in the value, or the value's own.
    pub fn all_texts(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(items) => items.iter().flat_map(Self::all_texts).collect(),
            _ => Vec::new(),
        }
    }
}

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field. A value that says nothing is left out.
    pub fn put(&mut self, name: &str, value: Value) {
        if value.is_empty() {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Sets a text field, if there is a text.
    pub fn put_text(&mut self, name: &str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.put(name, Value::text(text));
        }
    }

    /// Sets a field unless it is there.
    pub fn put_missing(&mut self, name: &str, value: Value) {
        if self.get(name).is_none() {
            self.put(name, value);
        }
    }

    /// Adds a field as a reader found it: also an empty one, once.
    pub fn push(&mut self, name: String, value: Value) -> bool {
        let is_new = self.get(&name).is_none();
        if is_new {
            self.0.push((name, value));
        }
        is_new
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A field's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// Removes a field.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Orders the fields as the names are; others follow, as they were.
    #[must_use]
    pub fn in_order(mut self, names: &[&str]) -> Self {
        let place = |name: &str| names.iter().position(|known| *known == name).unwrap_or(names.len());
        self.0.sort_by_key(|(name, _)| place(name));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_are_left_out_and_order_is_imposed() {
        let mut fields = Fields::new();
        fields.put("b", Value::text("2"));
        fields.put("z", Value::text("9"));
        fields.put("a", Value::text("1"));
        fields.put("c", Value::List(Vec::new()));
        fields.put("b", Value::text("3"));
        let fields = fields.in_order(&["a", "b"]);
        let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "z"]);
        assert_eq!(fields.text("b"), Some("3"));
    }
}
