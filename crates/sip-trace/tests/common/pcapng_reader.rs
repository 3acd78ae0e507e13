//! Just enough of a pcapng reader for tests, which checks lengths and padding.

/// Block type, then the body, both lengths checked.
pub fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut blocks = Vec::new();
    while !file.is_empty() {
        let (kind, length) = (u32_at(file, 0), u32_at(file, 4) as usize);
        assert_eq!(length % 4, 0);
        assert_eq!(u32_at(file, length - 4) as usize, length, "second length");
        blocks.push((kind, file[8..length - 4].to_vec()));
        file = &file[length..];
    }
    blocks
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = Vec::new();
    loop {
        let code = u16::from_le_bytes([bytes[0], bytes[1]]);
        let length = u16::from_le_bytes([bytes[2], bytes[3]]) as usize;
        if code == 0 {
            assert_eq!(bytes.len(), 4, "nothing after the end of options");
            return options;
        }
        options.push((code, bytes[4..4 + length].to_vec()));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
}

pub struct Seen {
    pub interface: u32,
    pub wall_us: u64,
    pub ip: Vec<u8>,
    pub comments: Vec<String>,
}

impl Seen {
    pub fn payload(&self) -> &[u8] {
        &self.ip[if self.ip[0] >> 4 == 4 { 28 } else { 48 }..]
    }
}

pub fn packets(file: &[u8]) -> Vec<Seen> {
    let packets = blocks(file).into_iter().filter(|(kind, _)| *kind == 6);
    packets
        .map(|(_, body)| {
            let length = u32_at(&body, 12) as usize;
            assert_eq!(u32_at(&body, 16) as usize, length);
            let comments = options(&body[20 + length.next_multiple_of(4)..]);
            let comments = comments.into_iter().filter(|(code, _)| *code == 1);
            Seen {
                interface: u32_at(&body, 0),
                wall_us: (u64::from(u32_at(&body, 4)) << 32) + u64::from(u32_at(&body, 8)),
                ip: body[20..20 + length].to_vec(),
                comments: comments
                    .map(|(_, text)| String::from_utf8(text).unwrap())
                    .collect(),
            }
        })
        .collect()
}
