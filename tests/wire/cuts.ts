/** Every way in which bytes may arrive in pieces, as far as it matters: whole, each apart, cut in two anywhere. */
export function cuts(bytes: Buffer): Buffer[][] {
  const indices = [...bytes.keys()]
  const inTwo = indices.map((at) => [bytes.subarray(0, at), bytes.subarray(at)])
  return [[bytes], indices.map((at) => bytes.subarray(at, at + 1)), ...inTwo]
}
