//! Frames, in whatever pieces they come.

use crate::script::Script;
use postrider_net::websocket::{WebSocket, WebSocketOptions, accept};
use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// A WebSocket behind its handshake, whose far end says these frames.
pub(crate) async fn saying(frames: &[u8], piece: usize, frame_bytes_max: u64) -> WebSocket<Script> {
    let script = Script::new([REQUEST, frames].concat(), piece);
    let options = WebSocketOptions { frame_bytes_max, ..WebSocketOptions::default() };
    accept(script, &options).await.expect("a stream").expect("it fits")
}

/// A client's frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let len = match payload.len() {
        len @ 0..126 => vec![0x80 | u8::try_from(len).expect("small")],
        len @ 126..65_536 => [&[0xfe][..], &u16::try_from(len).expect("small").to_be_bytes()].concat(),
        len => [&[0xff][..], &(len as u64).to_be_bytes()].concat(),
    };
    let masked: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    [&[first][..], &len, &mask, &masked].concat()
}

/// What the far end hears behind the handshake.
fn heard(socket: &WebSocket<Script>) -> &[u8] {
    let heard = &socket.get_ref().heard;
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer") + 4;
    &heard[end..]
}

#[tokio::test]
async fn payloads_come_out_the_same_however_the_bytes_are_cut() {
    let payload: Vec<u8> = (0..70_000u32).map(|number| number.to_le_bytes()[0] ^ 0x5a).collect();
    let frames = [
        frame(0x82, &payload[..10]),
        frame(0x02, &payload[10..20]),
        frame(0x89, b"between fragments"),
        frame(0x00, &payload[20..20]),
        frame(0x8a, b"unasked"),
        frame(0x00, &payload[20..400]),
        frame(0x80, &payload[400..401]),
        frame(0x82, b""),
        frame(0x82, &payload[401..]),
        frame(0x88, b"\x03\xe8bye"),
    ]
    .concat();
    for piece in [0, 1, 2, 3, 5, 13, 14, 15, 1000] {
        let mut socket = saying(&frames, piece, 1 << 20).await;
        let mut got = Vec::new();
        socket.read_to_end(&mut got).await.expect("an orderly end");
        assert!(got == payload, "in pieces of {piece}");
        assert_eq!(heard(&socket), b"\x8a\x11between fragments\x88\x05\x03\xe8bye");
    }
}

#[tokio::test]
async fn one_write_is_one_frame_of_all_its_pieces() {
    let mut socket = saying(&[], 0, 1000).await;
    let slices = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"frame")];
    let count = poll_fn(|context| Pin::new(&mut socket).poll_write_vectored(context, &slices)).await.expect("taken");
    assert_eq!((count, heard(&socket)), (9, &b"\x82\x09one frame"[..]));
    assert_eq!(socket.get_ref().writes, 2, "the handshake and the frame");
    socket.write_all(&[b'x'; 40_000]).await.expect("taken");
    let frames = &heard(&socket)[11..];
    assert_eq!(frames[..4], [0x82, 126, 0x40, 0], "16 KiB");
    assert_eq!(frames.len(), 40_000 + 3 * 4);
    socket.shutdown().await.expect("taken");
    assert!(heard(&socket).ends_with(b"\x88\x02\x03\xe8"));
    assert!(socket.write_all(b"late").await.is_err());
}

#[tokio::test]
async fn rules_of_frames_that_are_broken_end_it_with_their_number() {
    let wrong = [
        (frame(0x81, b"text"), 1003u16),
        (frame(0x82, &[0; 101]), 1009),
        (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(), 1009),
        (b"\x82\x01x".to_vec(), 1002),
        (frame(0x80, b"x"), 1002),
        ([frame(0x02, b"x"), frame(0x82, b"x")].concat(), 1002),
        (frame(0xc2, b"x"), 1002),
        (frame(0x83, b"x"), 1002),
        (frame(0x8b, b"x"), 1002),
        (frame(0x09, b"x"), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
        (frame(0x88, b"\x03\xe8\xff"), 1002),
    ];
    for (bytes, code) in wrong {
        for piece in [0, 1] {
            let mut socket = saying(&[&bytes[..], &frame(0x82, b"behind")].concat(), piece, 100).await;
            let mut got = Vec::new();
            let error = socket.read_to_end(&mut got).await.expect_err("it ends with an error");
            assert!(error.to_string().contains(&code.to_string()), "{error}");
            assert!(!got.ends_with(b"behind"));
            assert!(heard(&socket).ends_with(&[&[0x88, 2][..], &code.to_be_bytes()].concat()), "{bytes:02x?}");
        }
    }
    // As large as allowed.
    let mut socket = saying(&frame(0x82, &[7; 100]), 0, 100).await;
    let mut got = [0; 100];
    socket.read_exact(&mut got).await.expect("it fits");
}

#[tokio::test]
async fn who_pings_and_does_not_read_the_answers_is_not_read() {
    let mut socket = saying(&frame(0x89, &[7; 125]).repeat(1000), 131, 100).await;
    socket.get_mut().is_stuck = true;
    let mut context = Context::from_waker(Waker::noop());
    let mut buffer = [0; 4096];
    for _ in 0..10 {
        let mut buffer = ReadBuf::new(&mut buffer);
        assert!(Pin::new(&mut socket).poll_read(&mut context, &mut buffer).is_pending());
    }
    let taken = socket.get_ref().at - REQUEST.len();
    assert!(taken < 20 * 131, "{taken} bytes were read");
    socket.get_mut().is_stuck = false;
    let mut rest = Vec::new();
    assert_eq!(socket.read_to_end(&mut rest).await.expect("an end"), 0);
    assert_eq!(heard(&socket).len(), 1000 * 127);
}

#[tokio::test]
async fn what_cannot_leave_is_finished_before_the_next_frame() {
    let mut socket = saying(&[], 0, 100).await;
    let mut context = Context::from_waker(Waker::noop());
    socket.get_mut().is_stuck = true;
    assert!(matches!(Pin::new(&mut socket).poll_write(&mut context, b"one"), Poll::Ready(Ok(3))));
    assert!(Pin::new(&mut socket).poll_write(&mut context, b"two").is_pending());
    assert!(Pin::new(&mut socket).poll_flush(&mut context).is_pending());
    socket.get_mut().is_stuck = false;
    assert!(matches!(Pin::new(&mut socket).poll_write(&mut context, b"two"), Poll::Ready(Ok(3))));
    assert_eq!(heard(&socket), b"\x82\x03one\x82\x03two");
}
