//! Mutations that know a little of SIP: words of the grammar, whole lines, folding, lengths.

/// What is put in. The dictionary of libFuzzer is the same list.
static DICTIONARY: &str = include_str!("../../sip.dict");

/// xorshift64*: the same sequence in every run.
pub struct Random {
    state: u64,
    words: Vec<Vec<u8>>,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds begin far apart (splitmix64).
        let mixed = (seed ^ (seed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Random {
            state: (mixed ^ (mixed >> 29)).max(1),
            words: words(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let number = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound.max(1)
    }

    /// A place in the bytes and a place not far behind it.
    fn range(&mut self, bytes: &[u8], most: usize) -> std::ops::Range<usize> {
        let start = self.below(bytes.len() + 1);
        start..bytes.len().min(start + self.below(most))
    }

    /// The lines, ends included.
    fn line(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let at = self.below(bytes.len() + 1);
        let start = bytes[..at].iter().rposition(|byte| *byte == b'\n');
        let end = bytes[at..].iter().position(|byte| *byte == b'\n');
        start.map_or(0, |start| start + 1)..end.map_or(bytes.len(), |end| at + end + 1)
    }

    fn word(&mut self) -> Vec<u8> {
        let which = self.below(self.words.len());
        self.words[which].clone()
    }

    /// One of the seeds, changed in a few places.
    pub fn mutation(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let which = self.below(seeds.len());
        let mut bytes = seeds[which].clone();
        for _ in 0..=self.below(5) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(20_000);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let range = self.range(bytes, 12);
        match self.below(13) {
            0 => drop(bytes.drain(range)),
            1 | 2 => {
                let word = self.word();
                drop(bytes.splice(range.start..range.start, word));
            }
            3 => {
                let word = self.word();
                drop(bytes.splice(range, word));
            }
            4 => {
                let byte = u8::try_from(self.below(256)).unwrap();
                drop(bytes.splice(range.start..range.end.min(range.start + 1), [byte]));
            }
            5 => {
                let piece = bytes[range].to_vec();
                let to = self.below(bytes.len() + 1);
                drop(bytes.splice(to..to, piece));
            }
            // A line twice, gone, or elsewhere.
            6 | 7 => {
                let line = self.line(bytes);
                let piece = bytes[line].to_vec();
                let at = self.line(bytes).start;
                drop(bytes.splice(at..at, piece));
            }
            8 => {
                let line = self.line(bytes);
                drop(bytes.drain(line));
            }
            // The end of another seed.
            9 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                bytes.truncate(range.start);
                bytes.extend(&other[from..]);
            }
            // Folding where a blank is.
            10 => {
                let blank = bytes[range.start..].iter().position(|byte| *byte == b' ');
                if let Some(blank) = blank.map(|blank| range.start + blank) {
                    let fold: &[u8] = [&b"\r\n "[..], b"\n\t", b" \r\n \r\n "][self.below(3)];
                    drop(bytes.splice(blank..=blank, fold.iter().copied()));
                }
            }
            // Another number where one is.
            11 => {
                let digit = bytes[range.start..].iter().position(u8::is_ascii_digit);
                if let Some(start) = digit.map(|digit| range.start + digit) {
                    let end = bytes[start..]
                        .iter()
                        .position(|byte| !byte.is_ascii_digit());
                    let end = end.map_or(bytes.len(), |end| start + end);
                    let number = match self.below(4) {
                        0 => self.below(300),
                        1 => bytes.len(),
                        2 => 1 << self.below(40),
                        _ => usize::MAX - self.below(3),
                    };
                    drop(bytes.splice(start..end, number.to_string().into_bytes()));
                }
            }
            // Much of the same.
            _ => {
                let piece = bytes[range.clone()].repeat(1 + self.below(60));
                drop(bytes.splice(range, piece));
            }
        }
    }
}

/// The words of a libFuzzer dictionary: `"…"`, with `\xNN`, `\\` and `\"` inside.
fn words() -> Vec<Vec<u8>> {
    let lines = DICTIONARY.lines().filter(|line| line.starts_with('"'));
    lines
        .map(|line| word(&line.as_bytes()[1..line.len() - 1]))
        .collect()
}

fn word(mut quoted: &[u8]) -> Vec<u8> {
    let mut word = Vec::new();
    while let [byte, rest @ ..] = quoted {
        quoted = rest;
        word.push(match (byte, rest) {
            (b'\\', [b'x', high, low, rest @ ..]) => {
                quoted = rest;
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                u8::from_str_radix(digits, 16).unwrap()
            }
            (b'\\', [escaped, rest @ ..]) => {
                quoted = rest;
                *escaped
            }
            _ => *byte,
        });
    }
    word
}
