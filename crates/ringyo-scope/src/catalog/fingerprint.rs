use super::Access;
use super::source::Source;

/// FNV-1a (draft-eastlake-fnv, 64 bits) of `resource:` followed by `action=r,` or `action=w,` for
/// each of its actions and `;`. Names hold none of these marks, so no two catalogs share a text.
pub(super) const fn of(source: &Source) -> u64 {
    let mut hash = OFFSET_BASIS;
    let mut resource = 0;
    while resource < source.resources() {
        hash = add(hash, source.resource_name(resource).as_bytes());
        hash = add(hash, b":");
        let mut action = 0;
        while action < source.actions(resource) {
            hash = add(hash, source.action_name(resource, action).as_bytes());
            hash = add(
                hash,
                match source.access(resource, action) {
                    Access::Read => b"=r,",
                    Access::Write => b"=w,",
                },
            );
            action += 1;
        }
        hash = add(hash, b";");
        resource += 1;
    }
    // Zero marks a requirement that was put together from several catalogs.
    if hash == 0 { 1 } else { hash }
}

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

const fn add(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut place = 0;
    while place < bytes.len() {
        hash = (hash ^ bytes[place] as u64).wrapping_mul(PRIME);
        place += 1;
    }
    hash
}
