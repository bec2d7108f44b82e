/** The points of a token's way through a model. A block has four: what attention adds, the stream behind it, what the MLP adds, the stream. */
export type BlockPart = "attention" | "middle" | "mlp" | "residual";
export type Part = "token" | "position" | "embed" | "final" | { readonly block: number; readonly part: BlockPart };

const blockParts: readonly BlockPart[] = ["attention", "middle", "mlp", "residual"];

/** All parts, in their order. */
export function partsOf(blocks: number): Part[] {
  return ["token", "position", "embed", ...Array.from({ length: blocks }, (_, block) => blockParts.map((part) => ({ block, part }))).flat(), "final"];
}

/** The index of a part. */
export function partIndex(part: Part, blocks: number): number {
  if (part === "final") return 3 + blockParts.length * blocks;
  return typeof part === "string" ? ["token", "position", "embed"].indexOf(part) : 3 + blockParts.length * part.block + blockParts.indexOf(part.part);
}

/** The parts that are the residual stream: before the first block, and behind each. */
export function streamsOf(blocks: number): Part[] {
  return ["embed", ...Array.from({ length: blocks }, (_, block) => ({ block, part: "residual" }) as const)];
}
