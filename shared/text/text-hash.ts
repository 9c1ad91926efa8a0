/**
 * 64 bits of a text's UTF-16 units, the upper 32 first: two lanes of multiply and rotate, mixed at the end as MurmurHash3 does. Among a
 * million texts, two different ones share it with a chance of about 3e-8. Not for secrets.
 */
export function textHash(text: string): readonly [high: number, low: number] {
  let [a, b] = [0x2c1b3c6d, 0x297a2d39 ^ text.length];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = rotated(Math.imul(a ^ unit, 0x85ebca6b), 13);
    b = rotated(Math.imul(b + unit, 0xc2b2ae35), 17) ^ a;
  }
  return [mixed(a), mixed(b ^ mixed(a))];
}

const rotated = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

function mixed(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
