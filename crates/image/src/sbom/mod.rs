//! Bills of materials: CycloneDX 1.6 as JSON. The same content gives the same bytes: the serial number comes from the
//! content, and there is no time.

pub mod debian;
pub mod lockfiles;
mod purl;

use crate::ImageError;
use crate::oci::canonical;
use seaworthy_model::Digest;
use serde::Serialize;
use std::collections::BTreeSet;

pub use purl::{Ecosystem, Package};

/// The media type of a bill of materials.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    bom_format: &'a str,
    spec_version: &'a str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    component: Subject<'a>,
}

#[derive(Serialize)]
struct Subject<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: &'a str,
    version: String,
}

#[derive(Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    purl: String,
}

/// The bill of materials of a service's image: every package once, sorted by its URL.
///
/// # Errors
/// [`ImageError::Document`] when it cannot be written as JSON.
pub fn write(service: &str, image: &Digest, packages: &BTreeSet<Package>) -> Result<Vec<u8>, ImageError> {
    let component = |package: &Package| {
        let purl = package.url();
        let kind = "library";
        Component { kind, reference: purl.clone(), name: package.full_name(), version: package.version.clone(), purl }
    };
    let mut components: Vec<Component> = packages.iter().map(component).collect();
    components.sort_by(|one, other| one.purl.cmp(&other.purl));
    components.dedup_by(|one, other| one.purl == other.purl);
    let component =
        Subject { kind: "container", reference: image.to_string(), name: service, version: image.to_string() };
    let metadata = Metadata { component };
    let (bom_format, spec_version, version) = ("CycloneDX", "1.6", 1);
    let mut bom = Bom { bom_format, spec_version, serial_number: String::new(), version, metadata, components };
    bom.serial_number = format!("urn:uuid:{}", uuid(&Digest::of(&canonical(&bom)?)));
    canonical(&bom)
}

/// A UUID of version 8 (RFC 9562, section 5.8) from a digest.
fn uuid(digest: &Digest) -> String {
    let hex = digest.hex();
    let variant = match hex.as_bytes()[16] {
        b'0'..=b'3' => '8',
        b'4'..=b'7' => '9',
        b'8'..=b'9' | b'a'..=b'b' => 'a',
        _ => 'b',
    };
    format!("{}-{}-8{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_of_materials_names_each_package_once_and_is_the_same_every_time() {
        let package = |ecosystem, name: &str, version: &str| Package::new(ecosystem, name, version);
        let mut deb = package(Ecosystem::Debian, "libc6", "2.36-9+deb12u10");
        deb.qualifiers.push(("arch".to_owned(), "amd64".to_owned()));
        let packages = BTreeSet::from([
            deb,
            package(Ecosystem::Npm, "@types/node", "18.0.0"),
            package(Ecosystem::Go, "github.com/Foo/Bar", "v1.2.3"),
            package(Ecosystem::Python, "Typing_Extensions", "4.0"),
        ]);
        let image = Digest::of(b"image");
        let bom = write("echo-go", &image, &packages).unwrap();
        assert_eq!(bom, write("echo-go", &image, &packages).unwrap());
        let value: serde_json::Value = serde_json::from_slice(&bom).unwrap();
        insta::assert_json_snapshot!(value);
    }
}
