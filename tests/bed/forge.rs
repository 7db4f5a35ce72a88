//! Adverts by hand, right or wrong, as a stranger on the wire may send them.

fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let bytes: Vec<u8> = parts.concat();
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum = words.fold(0, |sum: u32, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    (!(sum as u16)).to_be_bytes()
}

/// An advert for 224.0.0.18 in a frame, from 10.99.0.77, right but for what `damage` does to the VRRP part.
pub fn advert(vrid: u8, priority: u8, ttl: u8, damage: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let ends = [10, 99, 0, 77, 224, 0, 0, 18];
    let mut vrrp = vec![0x31, vrid, priority, 1, 0, 10, 0, 0, 10, 99, 1, 1];
    let pseudo = [&ends[..], &[0, 112, 0, vrrp.len() as u8]].concat();
    let sum = checksum(&[&pseudo, &vrrp]);
    vrrp[6..8].copy_from_slice(&sum);
    damage(&mut vrrp);
    let mut header = vec![0x45, 0xc0, 0, 20 + vrrp.len() as u8, 0, 0, 0, 0, ttl, 112, 0, 0];
    header.extend(ends);
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum);
    let mut frame = vec![1, 0, 0x5e, 0, 0, 18, 2, 0x99, 0, 0, 0, 0x77, 8, 0];
    frame.extend(header);
    frame.extend(vrrp);
    frame.resize(frame.len().max(60), 0);
    frame
}
