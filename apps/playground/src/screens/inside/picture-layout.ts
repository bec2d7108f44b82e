import type { Seen } from "./seen.ts";

/** Where the parts of the whole picture are, in pixels. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly labelWidth: number;
  readonly embedWidth: number;
  readonly blockWidth: number;
  readonly normWidth: number;
  readonly headWidth: number;
  readonly softmaxWidth: number;
  readonly rowHeight: number;
  readonly firstY: number;
  readonly stripY: number;
  readonly stripWidth: number;
  readonly stripHeight: number;
  readonly columns: Readonly<Record<"first" | "embed" | "norm" | "head" | "softmax", number>> & { readonly position: number | undefined };
  readonly rowY: (token: number) => number;
  readonly blockX: (block: number) => number;
}

/** Fits a picture into a width, where its parts keep the room that they need. */
export function layoutOf({ config, count }: Pick<Seen, "config" | "count">, available: number): Layout {
  const isNarrow = available < 720;
  const [labelWidth, embedWidth, normWidth, headWidth, leastSoftmax] = isNarrow ? [72, 80, 60, 48, 190] : [100, 80, 72, 56, 220];
  const hasPositions = config.positions !== "none";
  const blocksX = labelWidth + embedWidth * (hasPositions ? 2 : 1);
  const fixed = blocksX + normWidth + headWidth + leastSoftmax;
  const blockWidth = Math.min(180, Math.max(84, Math.floor((available - fixed) / config.blocks.length)));
  const normX = blocksX + blockWidth * config.blocks.length;
  // What is left is for the bars.
  const softmaxWidth = Math.min(380, Math.max(leastSoftmax, available - (fixed - leastSoftmax) - blockWidth * config.blocks.length));
  const rowHeight = count <= 16 ? 24 : count <= 32 ? 20 : 16;
  const firstY = 70;
  // Eight next tokens have room in any case.
  const stripY = firstY + Math.max(count * rowHeight, 8 * 24) + 8;
  const stripHeight = 120;
  return {
    width: normX + normWidth + headWidth + softmaxWidth,
    height: stripY + stripHeight + 46,
    labelWidth, embedWidth, blockWidth, normWidth, headWidth, softmaxWidth, rowHeight, firstY, stripY, stripHeight,
    stripWidth: Math.min(20, Math.floor(blockWidth / 4) - 6),
    columns: {
      first: blocksX, embed: labelWidth, position: hasPositions ? labelWidth + embedWidth : undefined,
      norm: normX, head: normX + normWidth, softmax: normX + normWidth + headWidth,
    },
    rowY: (token) => firstY + token * rowHeight,
    blockX: (block) => blocksX + block * blockWidth,
  };
}
