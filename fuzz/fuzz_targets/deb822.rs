//! Paragraphs of fields: what was read, written again, is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_debian::format::deb822::{Paragraph, paragraphs};

fn fields(paragraph: &Paragraph<'_>) -> Vec<(String, String)> {
    paragraph.fields().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fuzz_target!(|text: &str| {
    let Ok(read) = paragraphs(text).collect::<Result<Vec<_>, _>>() else { return };
    let written: String = read
        .iter()
        .map(|paragraph| {
            let lines = paragraph.fields().iter().map(|(name, value)| format!("{name}:{value}\n"));
            lines.collect::<String>() + "\n"
        })
        .collect();
    let again = paragraphs(&written).collect::<Result<Vec<_>, _>>().expect("what was read can be read");
    assert_eq!(read.iter().map(fields).collect::<Vec<_>>(), again.iter().map(fields).collect::<Vec<_>>());
    for paragraph in &again {
        paragraph.fields().iter().for_each(|(name, _)| _ = paragraph.words(name).count());
    }
});
