//! Java and Kotlin with Maven: a package that makes one jar.

use super::found::Found;
use super::tree::Folder;

pub(super) fn detect(folder: &Folder) -> Vec<Found> {
    let Some(project) = folder.read("pom.xml") else { return Vec::new() };
    let own = project.split("</parent>").last().unwrap_or_default();
    let Some(artifact) = element(own, "artifactId") else { return Vec::new() };
    if element(own, "packaging") == Some("pom") {
        return Vec::new();
    }
    let maven = if folder.has("mvnw") { "./mvnw" } else { "mvn" };
    vec![Found {
        wanted_name: artifact.to_owned(),
        path: folder.path.clone(),
        build: vec![format!("{maven} --batch-mode -DskipTests package")],
        test: vec![format!("{maven} --batch-mode test")],
        files: vec!["target/*.jar".to_owned()],
        run: ["sh", "-c", "exec java -jar ./*.jar"].map(str::to_owned).to_vec(),
        base: vec!["default-jre-headless".to_owned()],
        comments: vec!["run: name the jar that starts by itself".to_owned()],
        ..Found::default()
    }]
}

/// The text of the first element of a name, up to the next tag.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split('<').next().map(str::trim).filter(|text| !text.is_empty())
}
