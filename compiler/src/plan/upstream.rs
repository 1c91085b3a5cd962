//! Whether one node is done before another begins.

use rustc_hash::FxHashMap;

use crate::ir::NodeId;
use crate::ir::plan::Adjacency;

/// How many sources are followed at once: bits in a row a node.
const CHUNK: usize = 1024;
const WORD: usize = u64::BITS as usize;

/// For each pair of a node and a possible source, whether the node waits for the source, perhaps through others.
///
/// `order` has every node after what it waits for. Sources that the node names itself are found at once; the others are
/// followed through the graph together, a bit each, so that the work grows with the edges and not with the pairs.
pub fn are_upstream(needs: &Adjacency, order: &[NodeId], pairs: &[(NodeId, NodeId)]) -> Vec<bool> {
    let mut known: Vec<bool> =
        pairs.iter().map(|(node, source)| needs.of(*node).binary_search(source).is_ok()).collect();
    let mut open: FxHashMap<NodeId, Vec<usize>> = FxHashMap::default();
    for (index, (_, source)) in pairs.iter().enumerate().filter(|(index, _)| !known[*index]) {
        open.entry(*source).or_default().push(index);
    }
    let mut sources: Vec<NodeId> = open.keys().copied().collect();
    sources.sort_unstable();
    for chunk in sources.chunks(CHUNK) {
        let reached = reached_from(needs, order, chunk);
        let words = chunk.len().div_ceil(WORD);
        for (bit, source) in chunk.iter().enumerate() {
            for index in open.get(source).into_iter().flatten() {
                let row = pairs[*index].0.0 as usize * words;
                known[*index] = reached[row + bit / WORD] >> (bit % WORD) & 1 == 1;
            }
        }
    }
    known
}

/// For each node a row of bits: those of the sources that it waits for.
fn reached_from(needs: &Adjacency, order: &[NodeId], sources: &[NodeId]) -> Vec<u64> {
    let words = sources.len().div_ceil(WORD);
    let mut reached = vec![0u64; needs.len() * words];
    let mut own = FxHashMap::default();
    own.extend(sources.iter().enumerate().map(|(bit, source)| (*source, bit)));
    for node in order {
        let row = node.0 as usize * words;
        for need in needs.of(*node) {
            let from = need.0 as usize * words;
            for word in 0..words {
                reached[row + word] |= reached[from + word];
            }
            if let Some(bit) = own.get(need) {
                reached[row + bit / WORD] |= 1 << (bit % WORD);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_through_others_are_found() {
        // A chain of nodes that is longer than a chunk, and one node beside it.
        let count = CHUNK as u32 * 2 + 3;
        let lists: Vec<Vec<NodeId>> = (0..=count)
            .map(|i| if i == 0 || i == count { Vec::new() } else { vec![NodeId(i - 1)] })
            .collect();
        let needs = Adjacency::new(lists.iter().map(Vec::as_slice));
        let order: Vec<NodeId> = (0..=count).map(NodeId).collect();
        let last = NodeId(count - 1);
        let mut pairs: Vec<(NodeId, NodeId)> = (0..count).map(|source| (last, NodeId(source))).collect();
        pairs.push((last, NodeId(count)));
        pairs.push((NodeId(0), last));
        let found = are_upstream(&needs, &order, &pairs);
        let expected: Vec<bool> = pairs.iter().map(|(node, source)| source < node).collect();
        assert_eq!(found, expected);
    }
}
