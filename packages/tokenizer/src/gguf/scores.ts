/**
 * The merges of a SentencePiece model, best first: each piece can come of any two others, and the score of the piece says when
 * (transformers v5.18.0, tokenization_utils_sentencepiece.py, SentencePieceExtractor.extract).
 */
export function mergesOfScores(pieces: readonly string[], scores: ReadonlyMap<string, number>): [left: string, right: string][] {
  const merges: { readonly pair: [string, string]; readonly score: number }[] = [];
  for (const piece of pieces) {
    const characters = [...piece];
    for (let cut = 1; cut < characters.length; cut++) {
      const pair: [string, string] = [characters.slice(0, cut).join(""), characters.slice(cut).join("")];
      if (pair.every((part) => scores.has(part))) merges.push({ pair, score: scores.get(piece) ?? 0 });
    }
  }
  return merges.sort((a, b) => b.score - a.score).map(({ pair }) => pair);
}
