//! Frames come back however the stream is cut, and damage is found.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::codec::frame::{FRAME_HEADER_BYTES, FrameReader, MAX_FRAME_BYTES, encode_frame};

fn read_all(reader: &mut FrameReader) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| reader.pop().unwrap()).collect()
}

proptest! {
    #[test]
    fn frames_come_back(payloads in vec(vec(any::<u8>(), 0..40), 0..5), cuts in vec(1_usize..20, 1..8)) {
        let stream: Vec<u8> = payloads.iter().flat_map(|payload| encode_frame(payload)).collect();
        let (mut reader, mut read, mut rest) = (FrameReader::default(), Vec::new(), stream.as_slice());
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            reader.push(piece);
            read.extend(read_all(&mut reader));
            rest = after;
            if rest.is_empty() { break }
        }
        prop_assert_eq!(read, payloads);
        prop_assert_eq!(reader.waiting(), 0);
    }

    #[test]
    fn damage_is_found(payload in vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut frame = encode_frame(&payload);
        let at = at.index(frame.len());
        frame[at] ^= 1 << bit;
        let mut reader = FrameReader::default();
        reader.push(&frame);
        // A length that was damaged may ask for more than there is, or for more than is allowed.
        prop_assert!(!matches!(reader.pop(), Ok(Some(_))));
    }

    #[test]
    fn any_bytes_are_no_panic(pieces in vec(vec(any::<u8>(), 0..20), 0..5)) {
        let mut reader = FrameReader::new(30);
        for piece in pieces {
            reader.push(&piece);
            let _ = reader.pop();
        }
    }
}

#[test]
fn a_length_above_the_limit_is_refused_before_the_payload_comes() {
    let frame = encode_frame(&[0; 11]);
    let mut reader = FrameReader::new(10);
    reader.push(&frame[..5]);
    assert!(reader.pop().unwrap_err().what.contains("at most 10"));
    reader.push(&encode_frame(b"fine"));
    assert!(reader.pop().is_err(), "a broken stream stays broken");
    assert_eq!(reader.waiting(), 0);

    let mut reader = FrameReader::default();
    let too_long = u32::try_from(MAX_FRAME_BYTES + 1).unwrap().to_le_bytes();
    reader.push(&[[1].as_slice(), &too_long].concat());
    assert!(reader.pop().is_err());
}

#[test]
fn a_cut_frame_waits() {
    let frame = encode_frame(b"abc");
    let mut reader = FrameReader::default();
    reader.push(&frame[..FRAME_HEADER_BYTES + 2]);
    assert_eq!((reader.pop(), reader.waiting()), (Ok(None), FRAME_HEADER_BYTES + 2));
}
