//! The manifest of a component, read and written, and what token servers say;
//! nothing here asks.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::excerpt::excerpt;
use crate::model::{Algorithm, Digest};

/// The media type of a manifest.
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a component's config.
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The media type of a component.
const LAYER_TYPE: &str = "application/wasm";
/// The media type of an empty config, and its bytes.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
pub(super) const EMPTY: &[u8] = b"{}";
/// The media type of a file of any kind, and the annotation with its name.
const FILE_TYPE: &str = "application/octet-stream";
const TITLE: &str = "org.opencontainers.image.title";
/// When everything was made that says nothing of it: a clock would give every
/// push another digest.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// A component to be pushed.
#[derive(Debug, Clone)]
pub struct OciUpload {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    /// What its maker says of it.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// What the config says of a component.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    layer_digests: [String; 1],
    component: World<'a>,
}

#[derive(Serialize)]
struct World<'a> {
    exports: &'a [String],
    imports: &'a [String],
    target: Option<&'a str>,
}

/// Where the bytes of a component are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// SHA-256 of them.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
}

impl Manifest {
    /// Reads a registry's answer.
    ///
    /// # Errors
    ///
    /// When it is no manifest.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The manifest and the config of a component.
    pub fn of(upload: &OciUpload) -> (Self, Vec<u8>) {
        let layer = Descriptor::of(LAYER_TYPE, &upload.bytes);
        let config = serde_json::to_vec(&Config {
            created: NO_TIME,
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [layer.digest.clone()],
            component: World { exports: &upload.exports, imports: &upload.imports, target: None },
        });
        let config = config.expect("texts serialise");
        let manifest = Self {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.into()),
            artifact_type: None,
            config: Descriptor::of(CONFIG_TYPE, &config),
            layers: vec![layer],
            annotations: upload.annotations.clone(),
        };
        (manifest, config)
    }

    /// The manifest of files, by the specification's guidelines for artifacts
    /// without a config (image-spec 1.1, "Guidelines for Artifact Usage").
    pub(super) fn of_files(artifact_type: &str, files: &[(String, Bytes)]) -> Self {
        let layer = |(name, bytes): &(String, Bytes)| Descriptor {
            annotations: BTreeMap::from([(TITLE.to_owned(), name.clone())]),
            ..Descriptor::of(FILE_TYPE, bytes)
        };
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.into()),
            artifact_type: Some(artifact_type.to_owned()),
            config: Descriptor::of(EMPTY_TYPE, EMPTY),
            layers: files.iter().map(layer).collect(),
            annotations: BTreeMap::new(),
        }
    }

    /// The bytes as they are pushed.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers serialise")
    }

    /// The only layer, when it is a component.
    ///
    /// # Errors
    ///
    /// With what it is instead.
    pub fn layer(&self) -> Result<Layer, String> {
        if let Some(media_type) = self.media_type.as_deref().filter(|media_type| *media_type != MANIFEST_TYPE) {
            return Err(format!("its manifest is of the type {}", excerpt(media_type)));
        }
        let [layer] = &self.layers[..] else {
            return Err(format!("it has {} layers, a component has one", self.layers.len()));
        };
        if layer.media_type != LAYER_TYPE {
            return Err(format!("its layer is of the type {}", excerpt(&layer.media_type)));
        }
        let hex = layer.digest.strip_prefix("sha256:");
        let digest = hex.and_then(|hex| Digest::from_hex(Algorithm::Sha256, hex).ok());
        let digest = digest.ok_or_else(|| format!("its layer has the digest {}", excerpt(&layer.digest)))?;
        Ok(Layer { digest, size: layer.size })
    }
}

/// What a token server says.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// The token in the answer of a token server, as the field that shows it.
pub fn authorization(body: &[u8]) -> Option<HeaderValue> {
    let said: Token = serde_json::from_slice(body).ok()?;
    let token = said.token.or(said.access_token).filter(|token| !token.is_empty())?;
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.into(),
            digest: oci_digest(bytes),
            size: bytes.len() as u64,
            annotations: BTreeMap::new(),
        }
    }
}

/// SHA-256 of bytes.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::new(Algorithm::Sha256, &Sha256::digest(bytes)).expect("SHA-256 gives 32 bytes")
}

/// SHA-256 of bytes as registries write it.
pub(super) fn oci_digest(bytes: &[u8]) -> String {
    format!("sha256:{}", digest(bytes).hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(change: impl FnOnce(&mut Manifest)) -> Result<Layer, String> {
        let upload = OciUpload { bytes: b"x".into(), imports: vec![], exports: vec![], annotations: BTreeMap::new() };
        let (mut manifest, _) = Manifest::of(&upload);
        change(&mut manifest);
        manifest.layer()
    }

    #[test]
    fn one_wasm_layer_makes_a_component() {
        assert_eq!(manifest(|_| {}).unwrap(), Layer { digest: digest(b"x"), size: 1 });
        let wrong: [fn(&mut Manifest); 5] = [
            |manifest| manifest.layers.clear(),
            |manifest| manifest.layers.push(manifest.layers[0].clone()),
            |manifest| manifest.layers[0].media_type = "application/vnd.oci.image.layer.v1.tar+gzip".into(),
            |manifest| manifest.layers[0].digest = "sha512:00".into(),
            |manifest| manifest.media_type = Some("application/vnd.oci.image.index.v1+json".into()),
        ];
        for change in wrong {
            assert!(manifest(change).is_err());
        }
    }
}
