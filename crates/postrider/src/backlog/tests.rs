use super::*;

/// A PUBLISH of `len` payload bytes, told apart by `mark`: its head and its payload.
fn packet(mark: u8, len: usize) -> (Vec<u8>, Vec<u8>) {
    let mut head = vec![0x30];
    postrider_proto::write_varint(u32::try_from(len + 3).expect("small"), &mut head);
    head.extend_from_slice(&[0, 1, mark]);
    (head, vec![mark; len])
}

/// A tiny generator, so that the test needs no other.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 40).expect("24 bits")
}

fn drain(backlog: &mut Backlog, mut count: usize, out: &mut Vec<u8>) {
    while count > 0 && !backlog.is_empty() {
        let mut pieces = [IoSlice::new(&[]); 5];
        let used = backlog.slices(&mut pieces);
        let bytes: Vec<u8> = pieces[..used].iter().flat_map(|piece| piece.iter().copied()).collect();
        assert!(!bytes.is_empty(), "something waits, but no piece has it");
        let taken = bytes.len().min(count);
        out.extend_from_slice(&bytes[..taken]);
        backlog.advance(taken);
        count -= taken;
    }
}

#[test]
fn what_is_no_message_is_taken_out_of_a_backlog_in_its_order() {
    for seed in 0..2_000 {
        let mut state = seed;
        let (mut backlog, mut control, mut messages) = (Backlog::default(), Vec::new(), Vec::new());
        for mark in 0..(next(&mut state) % 12) {
            let mark = u8::try_from(mark).expect("small");
            let (head, payload) = packet(mark, next(&mut state) % 300);
            match next(&mut state) % 3 {
                0 => {
                    let puback = [0x40, 2, 1, mark];
                    backlog.push_control(&puback);
                    control.extend_from_slice(&puback);
                    continue;
                }
                1 if payload.len() > 20 => {
                    backlog.push_shared(&head, Body { bytes: payload.clone().into(), is_borrowed: true });
                }
                _ => backlog.push(&[&head[..], &payload].concat()),
            }
            messages.extend([head, payload].concat());
        }
        let mut taken = backlog.take_control();
        assert_eq!((taken.len(), backlog.len()), (control.len(), messages.len()), "seed {seed}");
        for (backlog, expected) in [(&mut taken, control), (&mut backlog, messages)] {
            let mut out = Vec::new();
            drain(backlog, usize::MAX, &mut out);
            assert_eq!(out, expected, "seed {seed}");
        }
        assert!(backlog.take_control().is_empty());
    }
}

#[test]
fn a_backlog_gives_back_what_was_pushed_however_it_is_written_and_split() {
    for seed in 0..2_000 {
        let mut state = seed;
        let (mut backlog, mut expected, mut boundaries) = (Backlog::default(), Vec::new(), vec![0]);
        for mark in 0..(next(&mut state) % 12) {
            let (head, payload) = packet(u8::try_from(mark).expect("small"), next(&mut state) % 300);
            expected.extend_from_slice(&head);
            expected.extend_from_slice(&payload);
            boundaries.push(expected.len());
            if next(&mut state).is_multiple_of(3) && payload.len() > 20 {
                backlog.push_shared(&head, Body { bytes: payload.into(), is_borrowed: true });
            } else {
                backlog.push(&[head, payload].concat());
            }
        }
        assert_eq!(backlog.len(), expected.len());
        let mut out = Vec::new();
        let written = if expected.is_empty() { 0 } else { next(&mut state) % (expected.len() + 1) };
        drain(&mut backlog, written, &mut out);
        if next(&mut state).is_multiple_of(2) {
            let mut behind = backlog.split_behind_packet();
            backlog.unshare();
            behind.unshare();
            let end = out.len() + backlog.len();
            assert!(boundaries.contains(&end), "seed {seed}: cut at {end}, packets end at {boundaries:?}");
            assert!(boundaries.iter().all(|boundary| *boundary < written || *boundary >= end));
            assert!(backlog.split_behind_packet().is_empty(), "a rest has nothing behind it");
            drain(&mut backlog, usize::MAX, &mut out);
            let mut rest = Backlog::default();
            rest.append(behind);
            drain(&mut rest, usize::MAX, &mut out);
        } else {
            drain(&mut backlog, usize::MAX, &mut out);
        }
        assert_eq!(out, expected, "seed {seed}");
        backlog.clear();
        assert!(backlog.is_empty());
    }
}
