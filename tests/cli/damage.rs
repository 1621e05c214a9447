//! Databases that are damaged, or of a later version: told plainly, and left as they are.

use std::collections::BTreeMap;
use std::fs;

use crate::Desk;

const ADVICE: &str = "shop is damaged: restore a backup, or make a new replica and sync it with a sound one";

/// The files of the shop by name.
fn files(desk: &Desk) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(desk.path("shop")).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// Every command refuses the shop with this line, and changes none of its files.
fn refused(desk: &Desk, expected: &str) {
    let before = files(desk);
    let commands: [&[&str]; 4] = [
        &["tables", "shop"],
        &["check", "shop"],
        &["insert", "shop", "customer", r#"{"code":"X","name":"X"}"#],
        &["sync", "shop", "van"],
    ];
    desk.ok(&["init", "van"]);
    for arguments in commands {
        assert_eq!(desk.fails(arguments), expected, "{arguments:?}");
    }
    assert!(files(desk) == before, "a file of the database changed");
}

#[test]
fn a_later_format() {
    let desk = Desk::with_shop();
    let path = desk.path("shop/MANIFEST");
    let mut manifest = fs::read(&path).unwrap();
    manifest.truncate(manifest.len() - 4);
    manifest[8] = 9; // The version, after eight bytes of magic.
    manifest.extend(crc32fast::hash(&manifest).to_le_bytes());
    fs::write(&path, manifest).unwrap();
    refused(&desk, "the database has format version 9, this program reads up to 1: use a newer Reunite");
}

#[test]
fn a_damaged_manifest() {
    let desk = Desk::with_shop();
    let path = desk.path("shop/MANIFEST");
    let mut manifest = fs::read(&path).unwrap();
    manifest[9] ^= 1;
    fs::write(&path, manifest).unwrap();
    refused(&desk, &format!("{ADVICE}: corrupt database: the file MANIFEST"));
}

#[test]
fn a_missing_journal() {
    let desk = Desk::with_shop();
    fs::remove_file(desk.path("shop/journal")).unwrap();
    refused(&desk, &format!("{ADVICE}: corrupt database: shop/journal is missing"));
}

#[test]
fn a_truncated_file() {
    let desk = Desk::with_shop();
    let path = desk.path("shop/data.redb");
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(5000).unwrap();
    let before = files(&desk);
    let error = desk.fails(&["tables", "shop"]);
    assert!(error.starts_with(&format!("{ADVICE}: corrupt database: open data.redb: ")), "{error}");
    assert!(files(&desk) == before);
}

/// Noise over parts of the file: whatever is hit, the command answers, in one line and without a panic.
#[test]
fn noise_in_the_file() {
    let desk = Desk::with_shop();
    let path = desk.path("shop/data.redb");
    let sound = fs::read(&path).unwrap();
    let mut refused = 0;
    for start in (0..sound.len()).step_by(4096) {
        let mut noisy = sound.clone();
        for (i, byte) in noisy.iter_mut().skip(start).take(64).enumerate() {
            *byte ^= u8::try_from(i * 37 % 255).unwrap() + 1;
        }
        fs::write(&path, &noisy).unwrap();
        let answer = desk.run(&["check", "shop"]);
        assert!(!answer.errors.contains("panicked"), "{}", answer.errors);
        match answer.status {
            0 => {}
            1 => {
                refused += 1;
                assert_eq!(answer.errors.lines().count(), 1, "{}", answer.errors);
                assert!(answer.errors.starts_with("error: shop"), "{}", answer.errors);
            }
            status => panic!("status {status}: {}", answer.errors),
        }
    }
    assert!(refused > 0, "no noise was noticed");
}
