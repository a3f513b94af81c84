//! Files below a folder that somebody else named: no link leads out of it.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{StoreError, read_bounded, write_atomic};

/// Makes the folders of a relative path below `folder`, itself included. A link
/// on the way, or a file, is refused.
pub fn create_folder_below(folder: &Path, relative: &Path) -> Result<(), StoreError> {
    super::create_folder(folder)?;
    let mut path = folder.to_owned();
    for part in relative.components() {
        step(&mut path, part)?;
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir(&path).map_err(StoreError::io("create the folder", &path))?;
            }
            Err(error) => return Err(StoreError::io("look at", &path)(error)),
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(StoreError::io("use as a folder", &path)(io::ErrorKind::NotADirectory.into())),
        }
    }
    Ok(())
}

/// Reads a file of at most `limit` bytes at a relative path below `folder`. None
/// where there is nothing. A link, there or on the way, is refused.
pub fn read_below(folder: &Path, relative: &Path, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
    found_below(folder, relative)?.map(|path| read_bounded(&path, limit)).transpose()
}

/// Names of what lies in the folder at a relative path below `folder`, sorted,
/// each with whether it is a folder itself. Nothing where there is no folder; a
/// link on the way is refused, and one that lies in it is no folder.
pub fn list_below(folder: &Path, relative: &Path, most: usize) -> Result<Vec<(String, bool)>, StoreError> {
    let Some(path) = found_below(folder, relative)?.filter(|path| path.is_dir()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in fs::read_dir(&path).map_err(StoreError::io("read the directory", &path))? {
        let entry = entry.map_err(StoreError::io("read the directory", &path))?;
        let kind = entry.file_type().map_err(StoreError::io("look at", &entry.path()))?;
        if found.len() == most {
            return Err(StoreError::TooMany { path, limit: most });
        }
        found.extend(entry.file_name().into_string().ok().map(|name| (name, kind.is_dir())));
    }
    found.sort();
    Ok(found)
}

/// Where a relative path below `folder` leads; none where there is nothing.
fn found_below(folder: &Path, relative: &Path) -> Result<Option<PathBuf>, StoreError> {
    let mut path = folder.to_owned();
    for part in relative.components() {
        step(&mut path, part)?;
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("look at", &path)(error)),
            Ok(metadata) if metadata.is_symlink() => {
                return Err(StoreError::io("follow the link", &path)(io::ErrorKind::PermissionDenied.into()));
            }
            Ok(_) => {}
        }
    }
    Ok(Some(path))
}

/// Writes a file at a relative path below `folder`, with the folders on the way,
/// and gives its path. A link on the way is refused, one in its place replaced.
pub fn write_below(folder: &Path, relative: &Path, content: &[u8]) -> Result<PathBuf, StoreError> {
    let mut path = folder.to_owned();
    relative.components().try_for_each(|part| step(&mut path, part))?;
    create_folder_below(folder, relative.parent().unwrap_or(Path::new("")))?;
    write_atomic(&path, content)?;
    Ok(path)
}

fn step(path: &mut PathBuf, part: Component<'_>) -> Result<(), StoreError> {
    if let Component::Normal(name) = part {
        path.push(name);
        return Ok(());
    }
    Err(StoreError::io("go beyond", path)(io::ErrorKind::InvalidInput.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let folder = root.path().join("below");
        create_folder_below(&folder, Path::new("a/b")).expect("made");
        assert_eq!(write_below(&folder, Path::new("a/b/f"), b"1").expect("written"), folder.join("a/b/f"));
        assert_eq!(read_below(&folder, Path::new("a/b/f"), 9).expect("read"), Some(b"1".to_vec()));
        assert_eq!(read_below(&folder, Path::new("a/c/f"), 9).expect("nothing"), None);
        let list = |path: &str, most| list_below(&folder, Path::new(path), most);
        write_below(&folder, Path::new("a/0"), b"1").expect("written");
        assert_eq!(list("a", 2).expect("listed"), [("0".to_owned(), false), ("b".to_owned(), true)]);
        assert_eq!([list("a/b/f", 9).expect("a file"), list("c", 9).expect("nothing")], [[], []]);
        assert!(matches!(list("a", 1), Err(StoreError::TooMany { .. })));
        for wrong in ["../x", "/x", "a/../../x"] {
            assert!(create_folder_below(&folder, Path::new(wrong)).is_err(), "{wrong}");
            assert!(read_below(&folder, Path::new(wrong), 9).is_err(), "{wrong}");
            assert!(write_below(&folder, Path::new(wrong), b"1").is_err(), "{wrong}");
            assert!(list(wrong, 9).is_err(), "{wrong}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let folder = root.path().join("below");
        create_folder_below(&folder, Path::new("")).expect("made");
        fs::write(root.path().join("secret"), b"1").expect("writable");
        std::os::unix::fs::symlink(root.path(), folder.join("out")).expect("a link");
        std::os::unix::fs::symlink(root.path().join("secret"), folder.join("file")).expect("a link");
        assert!(create_folder_below(&folder, Path::new("out/x")).is_err());
        assert!(read_below(&folder, Path::new("out/secret"), 9).is_err());
        assert!(read_below(&folder, Path::new("file"), 9).is_err());
        assert!(list_below(&folder, Path::new("out"), 9).is_err());
        let links = [("file".to_owned(), false), ("out".to_owned(), false)];
        assert_eq!(list_below(&folder, Path::new(""), 9).expect("listed"), links);
        assert!(write_below(&folder, Path::new("out/x"), b"1").is_err());
    }
}
