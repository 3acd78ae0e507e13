use std::fmt;

use nom::IResult;

use crate::error::ValueError;
use crate::grammar::{Bits, behind, behind_lws, comment, token, whole};

/// One `server-val` of Server or User-Agent (RFC 3261 §20.35, §20.41): software that the sender names, or a comment.
///
/// ```
/// use sip_message::Product;
///
/// let products = Product::parse_all(b"mcx/0.1 radio (on the road)", 8)?;
/// assert_eq!(products[0], Product::Product { name: b"mcx", version: Some(b"0.1") });
/// assert_eq!(products[1], Product::Product { name: b"radio", version: None });
/// assert_eq!(products[2], Product::Comment(b"(on the road)"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Product<'a> {
    /// `name` or `name/version`.
    Product {
        /// The name.
        name: &'a [u8],
        /// The version.
        version: Option<&'a [u8]>,
    },
    /// A comment with its parentheses.
    Comment(&'a [u8]),
}

impl<'a> Product<'a> {
    /// Parses `server-val *( LWS server-val )`, at most `most` of them.
    ///
    /// ```
    /// use sip_message::Product;
    ///
    /// assert_eq!(Product::parse_all(b"a/1 b/2", 2)?.len(), 2);
    /// assert!(Product::parse_all(b"a/1 b/2", 1).is_err());
    /// assert!(Product::parse_all(b"a/1 (never closed", 8).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: also more than `most`.
    pub fn parse_all(value: &'a [u8], most: usize) -> Result<Vec<Product<'a>>, ValueError> {
        whole("server-val", value, |input| {
            let mut products = Vec::new();
            let mut rest = input;
            loop {
                let (after, product) = product(rest)?;
                products.push(product);
                let blank = after.len() - behind_lws(after).len();
                if behind_lws(after).is_empty() || blank == 0 || products.len() >= most {
                    return Ok((after, products));
                }
                rest = behind_lws(after);
            }
        })
    }
}

/// Names and versions are no identities; comments may be anything.
impl fmt::Debug for Product<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        match self {
            Product::Product { name, version } => {
                write!(f, "{}/{}", text(name), version.map_or("", text))
            }
            Product::Comment(comment) => write!(f, "({} bytes)", comment.len()),
        }
    }
}

fn product(input: Bits<'_>) -> IResult<Bits<'_>, Product<'_>> {
    if input.first() == Some(&b'(') {
        let (rest, comment) = comment(input)?;
        return Ok((rest, Product::Comment(comment)));
    }
    let (rest, name) = token(input)?;
    let (rest, version) = match behind(b'/', rest) {
        Some(after) => {
            let (rest, version) = token(after)?;
            (rest, Some(version))
        }
        None => (rest, None),
    };
    Ok((rest, Product::Product { name, version }))
}
