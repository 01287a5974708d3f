//! Canonical JSON: the only way in which a document becomes bytes.
//!
//! Keys are sorted, indentation is two spaces, floats carry at most 12 significant digits in their shortest form, the
//! last byte is a newline. Twelve digits are more than any estimate here means and fewer than the last-bit differences
//! between machines, so equal analyses give equal bytes.
//!
//! `serde_json` writes NaN as `null`, which a reader takes for "not graded". Here a value that is not finite is an
//! error that names its path; there is no way around it, because the tree that is written is built by a serializer that
//! refuses such values.

use crate::record::ReportError;
use crate::text::untrusted::{json_escape, steers};
use serde::Serialize;
use serde::ser::{self, SerializeMap, SerializeSeq};
use std::collections::BTreeMap;

/// Significant digits of a float.
pub const SIGNIFICANT_DIGITS: usize = 12;

/// Significant digits where a diff is to show what a reader can see.
pub const READABLE_DIGITS: usize = 6;

/// The canonical bytes of a document.
///
/// # Errors
/// [`ReportError::NotFinite`] for NaN and infinities, [`ReportError::Json`] for keys that are no text or come twice.
pub fn to_bytes<T: Serialize>(document: &T) -> Result<Vec<u8>, ReportError> {
    written(document, Style { digits: SIGNIFICANT_DIGITS, longest_row: 0 })
}

/// The bytes of a document that people compare line by line: no more digits than they read, and what belongs together, as a
/// name and its two numbers, on one line.
///
/// # Errors
/// As [`to_bytes`].
pub fn to_readable_bytes<T: Serialize>(document: &T) -> Result<Vec<u8>, ReportError> {
    written(document, Style { digits: READABLE_DIGITS, longest_row: 4 })
}

/// How a document is written.
#[derive(Debug, Clone, Copy)]
struct Style {
    /// Significant digits of a float.
    digits: usize,
    /// Lists of numbers and texts with so many items stand on one line.
    longest_row: usize,
}

fn written<T: Serialize>(document: &T, style: Style) -> Result<Vec<u8>, ReportError> {
    let node = document.serialize(NodeSerializer { path: String::new() })?;
    let mut out = String::new();
    node.write(0, style, &mut out);
    out.push('\n');
    Ok(out.into_bytes())
}

/// A JSON value whose floats are known to be finite.
enum Node {
    Null,
    /// Written as is: `true`, `17`.
    Bare(String),
    /// A finite number.
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(BTreeMap<String, Node>),
}

impl Node {
    fn is_scalar(&self) -> bool {
        matches!(self, Node::Null | Node::Bare(_) | Node::Float(_) | Node::Text(_))
    }

    fn write(&self, depth: usize, style: Style, out: &mut String) {
        match self {
            Node::Null => out.push_str("null"),
            Node::Bare(text) => out.push_str(text),
            Node::Float(value) => out.push_str(&shortest(*value, style.digits)),
            Node::Text(text) => write_text(text, out),
            Node::List(items) if items.len() <= style.longest_row && items.iter().all(Node::is_scalar) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    item.write(depth, style, out);
                }
                out.push(']');
            }
            Node::List(items) => {
                let items = items.iter().map(|node| (None, node));
                write_block(['[', ']'], items, (depth, style), out);
            }
            Node::Object(entries) => {
                let entries = entries.iter().map(|(key, node)| (Some(key.as_str()), node));
                write_block(['{', '}'], entries, (depth, style), out);
            }
        }
    }
}

fn write_block<'a>(
    brackets: [char; 2],
    items: impl ExactSizeIterator<Item = (Option<&'a str>, &'a Node)>,
    place: (usize, Style),
    out: &mut String,
) {
    let ([open, close], (depth, style)) = (brackets, place);
    let (last, mut at) = (items.len(), 0);
    out.push(open);
    for (key, node) in items {
        at += 1;
        new_line(depth + 1, out);
        if let Some(key) = key {
            write_text(key, out);
            out.push_str(": ");
        }
        node.write(depth + 1, style, out);
        if at < last {
            out.push(',');
        }
    }
    if last > 0 {
        new_line(depth, out);
    }
    out.push(close);
}

fn new_line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if steers(c) => out.push_str(&json_escape(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `value` with at most [`SIGNIFICANT_DIGITS`] digits, shortest form, always recognisable as a float; `None` if it is
/// not finite. Negative zero is zero.
#[must_use]
pub fn float(value: f64) -> Option<String> {
    value.is_finite().then(|| shortest(value, SIGNIFICANT_DIGITS))
}

/// A finite number with at most so many digits.
fn shortest(value: f64, digits: usize) -> String {
    let digits = digits.saturating_sub(1);
    // The largest float rounds down, so the rounded value is finite; what could not be read back stays as it is.
    let rounded = format!("{value:.digits$e}").parse::<f64>().ok().filter(|v| v.is_finite()).unwrap_or(value);
    let plain = if rounded == 0.0 { 0.0 } else { rounded };
    let size = plain.abs();
    if plain == 0.0 || (1e-5..1e16).contains(&size) { format!("{plain:?}") } else { format!("{plain:e}") }
}

/// Builds a [`Node`] and remembers where it is.
struct NodeSerializer {
    path: String,
}

impl NodeSerializer {
    fn field(path: &str, key: &str) -> NodeSerializer {
        NodeSerializer { path: if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") } }
    }

    fn item(path: &str, index: usize) -> NodeSerializer {
        NodeSerializer { path: format!("{path}[{index}]") }
    }

    fn tagged(self, variant: &str, node: Node) -> Node {
        Node::Object(BTreeMap::from([(variant.to_owned(), node)]))
    }
}

impl ser::Error for ReportError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        ReportError::Json { path: String::new(), reason: message.to_string() }
    }
}

/// Serializes an integer as it prints.
macro_rules! bare {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<Node, ReportError> {
            Ok(Node::Bare(value.to_string()))
        })*
    };
}

impl ser::Serializer for NodeSerializer {
    type Ok = Node;
    type Error = ReportError;
    type SerializeSeq = ListBuilder;
    type SerializeTuple = ListBuilder;
    type SerializeTupleStruct = ListBuilder;
    type SerializeTupleVariant = ListBuilder;
    type SerializeMap = ObjectBuilder;
    type SerializeStruct = ObjectBuilder;
    type SerializeStructVariant = ObjectBuilder;

    bare!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
          serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
          serialize_u128: u128);

    fn serialize_f32(self, value: f32) -> Result<Node, ReportError> {
        // Through decimal text, so that 0.1f32 is written 0.1 and not 0.100000001490.
        let wide = value.to_string().parse().unwrap_or(f64::from(value));
        self.serialize_f64(wide)
    }

    fn serialize_f64(self, value: f64) -> Result<Node, ReportError> {
        let path = self.path;
        if value.is_finite() {
            return Ok(Node::Float(value));
        }
        Err(ReportError::NotFinite { path, value: value.to_string() })
    }

    fn serialize_char(self, value: char) -> Result<Node, ReportError> {
        Ok(Node::Text(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Node, ReportError> {
        Ok(Node::Text(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Node, ReportError> {
        Ok(Node::List(value.iter().map(|byte| Node::Bare(byte.to_string())).collect()))
    }

    fn serialize_none(self) -> Result<Node, ReportError> {
        Ok(Node::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, ReportError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Node, ReportError> {
        Ok(Node::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, ReportError> {
        Ok(Node::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Node, ReportError> {
        Ok(Node::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Node, ReportError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, ReportError> {
        let node = value.serialize(Self::field(&self.path, variant))?;
        Ok(self.tagged(variant, node))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<ListBuilder, ReportError> {
        Ok(ListBuilder { path: self.path, items: Vec::new(), variant: None })
    }

    fn serialize_tuple(self, _: usize) -> Result<ListBuilder, ReportError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<ListBuilder, ReportError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ListBuilder, ReportError> {
        let path = Self::field(&self.path, variant).path;
        Ok(ListBuilder { path, items: Vec::new(), variant: Some(variant) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<ObjectBuilder, ReportError> {
        Ok(ObjectBuilder { path: self.path, entries: BTreeMap::new(), key: None, variant: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<ObjectBuilder, ReportError> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ObjectBuilder, ReportError> {
        let path = Self::field(&self.path, variant).path;
        Ok(ObjectBuilder { path, entries: BTreeMap::new(), key: None, variant: Some(variant) })
    }
}

fn wrapped(variant: Option<&'static str>, node: Node) -> Node {
    match variant {
        None => node,
        Some(name) => Node::Object(BTreeMap::from([(name.to_owned(), node)])),
    }
}

struct ListBuilder {
    path: String,
    items: Vec<Node>,
    variant: Option<&'static str>,
}

impl SerializeSeq for ListBuilder {
    type Ok = Node;
    type Error = ReportError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ReportError> {
        self.items.push(value.serialize(NodeSerializer::item(&self.path, self.items.len()))?);
        Ok(())
    }
    fn end(self) -> Result<Node, ReportError> {
        Ok(wrapped(self.variant, Node::List(self.items)))
    }
}

/// The three tuple flavours are lists.
macro_rules! as_list {
    ($($kind:ident: $method:ident),*) => {
        $(impl ser::$kind for ListBuilder {
            type Ok = Node;
            type Error = ReportError;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ReportError> {
                SerializeSeq::serialize_element(self, value)
            }
            fn end(self) -> Result<Node, ReportError> {
                SerializeSeq::end(self)
            }
        })*
    };
}

as_list!(SerializeTuple: serialize_element, SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field);

struct ObjectBuilder {
    path: String,
    entries: BTreeMap<String, Node>,
    key: Option<String>,
    variant: Option<&'static str>,
}

impl ObjectBuilder {
    fn insert<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), ReportError> {
        let place = NodeSerializer::field(&self.path, key);
        let path = place.path.clone();
        let node = value.serialize(place)?;
        // A flattened part may bring a key that is there already; one of the two would be lost.
        match self.entries.insert(key.to_owned(), node) {
            None => Ok(()),
            Some(_) => Err(ReportError::Json { path, reason: "the key comes twice".to_owned() }),
        }
    }
}

impl SerializeMap for ObjectBuilder {
    type Ok = Node;
    type Error = ReportError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ReportError> {
        let path = self.path.clone();
        self.key = match key.serialize(NodeSerializer { path: path.clone() })? {
            Node::Text(text) | Node::Bare(text) => Some(text),
            _ => return Err(ReportError::Json { path, reason: "a key is neither text nor a number".to_owned() }),
        };
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ReportError> {
        let key = self.key.take().unwrap_or_default();
        self.insert(&key, value)
    }
    fn end(self) -> Result<Node, ReportError> {
        Ok(wrapped(self.variant, Node::Object(self.entries)))
    }
}

/// Structs are objects.
macro_rules! as_object {
    ($($kind:ident),*) => {
        $(impl ser::$kind for ObjectBuilder {
            type Ok = Node;
            type Error = ReportError;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self, key: &'static str, value: &T,
            ) -> Result<(), ReportError> {
                self.insert(key, value)
            }
            fn end(self) -> Result<Node, ReportError> {
                SerializeMap::end(self)
            }
        })*
    };
}

as_object!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests;
