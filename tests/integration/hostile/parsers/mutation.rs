//! Damage to samples, the same for the same seed.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Pieces that parsers stumble over: delimiters, numbers at their bounds, nesting, other encodings.
const PIECES: [&[u8]; 40] = [
    b"\"",
    b"'",
    b"\\",
    b",",
    b";",
    b":",
    b"=",
    b"&",
    b"%",
    b"%00",
    b"%ff%fe",
    b"%2e%2e%2f",
    b"*",
    b"?",
    b"~",
    b" ",
    b"\t",
    b"\0",
    b"\r\n",
    b"\xff\xfe",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x80\xae",
    b"-1",
    b"0",
    b"1e999",
    b"9223372036854775808",
    b"99999999999999999999999999",
    b"0x1p-1074",
    b"9999-12-31T23:59:60Z",
    b"0000-00-00",
    b"null",
    b"{}",
    b"[]",
    b"{\"$ref\": \"#\"}",
    b"\\ud800",
    b"&a [*a, *a]",
    b"!!binary x",
    b"<b><script>",
];

/// Repetitions of a piece, for bounds of length and nesting.
const REPEATED: [&[u8]; 10] =
    [b"[", b"{\"a\":", b"a", b",", b"<b>", b"- ", b"%41", b"\\u0041", b"&x=1", b" "];
const REPETITIONS: [usize; 4] = [33, 257, 2000, 20_000];

/// Makes one damaged input.
pub struct Mutator(u64);

impl Mutator {
    /// Each case of each parser has damage of its own.
    pub fn new(seed: u64, name: &str, case: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, name, case).hash(&mut hasher);
        Self(hasher.finish() | 1)
    }

    /// The next random number below `bound` (xorshift64*).
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % bound.max(1)
    }

    fn pick<'a>(&mut self, of: &[&'a [u8]]) -> &'a [u8] {
        of[self.below(of.len())]
    }

    /// Returns one of the samples with one to four damages.
    pub fn damaged(mut self, samples: &[&[u8]]) -> Vec<u8> {
        let mut input = self.pick(samples).to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let longest = if self.below(4) == 0 { input.len() } else { 12 };
            let end = (at + self.below(longest + 1)).min(input.len());
            let replacement = match self.below(10) {
                0 => Vec::new(),
                1 => input[at..end].repeat(2),
                2 => {
                    let length = self.below(12);
                    (0..length).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
                }
                3 => {
                    let other = self.pick(samples);
                    let start = self.below(other.len() + 1);
                    other[start..(start + 16).min(other.len())].to_vec()
                }
                4 => {
                    let count = REPETITIONS[self.below(REPETITIONS.len())];
                    self.pick(&REPEATED).repeat(count)
                }
                5 => input[at..end].iter().map(|byte| byte ^ 0x20).collect(),
                _ => self.pick(&PIECES).to_vec(),
            };
            input.splice(at..end, replacement);
        }
        input
    }
}

#[test]
fn damage_depends_on_seed_and_case_only() {
    let samples: [&[u8]; 2] = [b"{\"name\": \"a\"}", b"name: b"];
    let damaged = |seed, case| Mutator::new(seed, "json", case).damaged(&samples);
    let all: std::collections::BTreeSet<_> = (0..200).map(|case| damaged(1, case)).collect();
    assert!(all.len() > 150, "{} of 200", all.len());
    assert_eq!(damaged(1, 7), damaged(1, 7));
    assert!((0..20).any(|case| damaged(1, case) != damaged(2, case)));
}
