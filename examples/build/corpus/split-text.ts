/** Splits a text after sentences and blank lines, keeping every character: the pieces joined are the text. */
export function splitText(text: string): string[] {
  return text.split(/(?<=[.!?]["']?)(?= )|(?<=\n)(?=[^\n])/);
}

/** Joins neighbouring pieces into rows of at most `tokensMax` tokens; a longer piece is first cut between words. */
export function packPieces(
  pieces: readonly string[],
  countTokens: (text: string) => number,
  tokensMax: number,
): string[] {
  const rows: string[] = [];
  let row = '';
  let tokens = 0;
  for (const piece of pieces.flatMap((piece) => cutLongPiece(piece, countTokens, tokensMax))) {
    const count = countTokens(piece);
    if (tokens > 0 && tokens + count > tokensMax) {
      rows.push(row.trim());
      row = '';
      tokens = 0;
    }
    row += piece;
    tokens += count;
  }
  if (row.trim() !== '') rows.push(row.trim());
  return rows;
}

const cutLongPiece = (piece: string, countTokens: (text: string) => number, tokensMax: number): string[] =>
  countTokens(piece) <= tokensMax ? [piece] : piece.split(/(?= )/);
