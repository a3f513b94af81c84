//! Archives and installers, made small.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

/// A zip of these entries.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).expect("memory takes all");
        writer.write_all(content).expect("memory takes all");
    }
    writer.finish().expect("memory takes all").into_inner()
}

/// A tar of these entries, each with a mode.
pub fn tar(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, mode, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        builder.append_data(&mut header, name, *content).expect("memory takes all");
    }
    builder.into_inner().expect("memory takes all")
}

/// A tar whose one entry would be unpacked elsewhere. No tool writes such a
/// name, so that its bytes are put there by hand.
pub fn escaping_tar() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..11].copy_from_slice(b"tool/../../");
    header.as_old_mut().name[11] = b'x';
    header.set_size(1);
    header.set_mode(0o755);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.push(b'x');
    bytes.resize(2048, 0);
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// The headers of a Windows program, and what follows them.
pub fn program(machine: u16, section: &str, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 0x80];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes.extend_from_slice(b"PE\0\0");
    bytes.extend_from_slice(&machine.to_le_bytes());
    bytes.extend_from_slice(&1_u16.to_le_bytes());
    bytes.extend_from_slice(&[0; 16]);
    let mut header = [0; 40];
    header[..section.len()].copy_from_slice(section.as_bytes());
    header[21] = 0x02;
    bytes.extend_from_slice(&header);
    bytes.resize(0x200, 0);
    bytes.extend_from_slice(rest);
    bytes
}

/// A package of Windows Installer with these properties.
pub fn msi(maker: &str, arch: &str, properties: &[(&str, &str)]) -> Vec<u8> {
    let mut package = msi::Package::create(msi::PackageType::Installer, Cursor::new(Vec::new())).expect("memory");
    package.summary_info_mut().set_creating_application(maker);
    package.summary_info_mut().set_arch(arch);
    let columns = vec![
        msi::Column::build("Property").primary_key().id_string(72),
        msi::Column::build("Value").localizable().text_string(0),
    ];
    package.create_table("Property", columns).expect("a new table");
    let value = |text: &str| msi::Value::Str(text.to_owned());
    let rows = properties.iter().map(|(name, text)| vec![value(name), value(text)]);
    package.insert_rows(msi::Insert::into("Property").rows(rows.collect())).expect("new rows");
    package.into_inner().expect("memory takes all").into_inner()
}
