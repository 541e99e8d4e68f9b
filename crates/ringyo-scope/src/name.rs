//! The grammar of names, usable while compiling.

/// Longest name of a resource or of an action, in bytes.
pub(crate) const MAX_LEN: usize = 64;

/// Whether `text` is `[a-z][a-z0-9_]{0,63}`.
pub(crate) const fn is_name(text: &[u8]) -> bool {
    if text.is_empty() || text.len() > MAX_LEN || !text[0].is_ascii_lowercase() {
        return false;
    }
    let mut place = 1;
    while place < text.len() {
        let byte = text[place];
        if !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return false;
        }
        place += 1;
    }
    true
}

/// `left == right`, which the operator cannot say in a `const fn` yet.
pub(crate) const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    // From the end, where names that start alike differ: in a large catalog this keeps what the
    // compiler has to evaluate below the point where it complains.
    let mut place = left.len();
    while place > 0 {
        place -= 1;
        if left[place] != right[place] {
            return false;
        }
    }
    true
}
