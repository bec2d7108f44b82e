import type { Ref } from "preact";
import type { Lens } from "../../engine/api/inside.ts";
import type { BlockPart, Part } from "../../engine/parts.ts";
import { partsOf } from "../../engine/parts.ts";
import { count, exact, exactPercent, percent, ratio, words } from "../../state/locale.ts";
import { cut } from "../../ui/heat-map.tsx";
import { nextTokens } from "./next-tokens.ts";
import { layoutOf } from "./picture-layout.ts";
import type { Layout } from "./picture-layout.ts";
import type { Seen } from "./seen.ts";
import { scaleOf, Strip } from "./strip.tsx";
import "./picture.css";

interface PictureProps {
  readonly seen: Seen;
  readonly lens: Lens | undefined;
  /** The followed token. */
  readonly token: number;
  readonly head: number | "mean";
  readonly width: number;
  readonly onFollow: (token: number) => void;
  readonly onOpen: (block: number) => void;
  readonly picture: Ref<SVGSVGElement>;
}

/** The whole model: tokens from above to below, their way from left to right. */
export function Picture({ seen, lens, token, head, width, onFollow, onOpen, picture }: PictureProps) {
  const { inside } = words.value;
  const layout = layoutOf(seen, width);
  const scale = scaleOf(partsOf(seen.config.blocks.length).filter((part) => part !== "final").map((part) => seen.vector(part, token)));
  return (
    <svg
      ref={picture} class="way" width={layout.width} height={layout.height} viewBox={`0 0 ${layout.width} ${layout.height}`}
      role="group" aria-label={inside.following(seen.names[token])}
    >
      {seen.config.blocks.map((_, block) => (
        <BlockFrame key={block} {...{ seen, layout, block, onOpen }} />
      ))}
      <Titles {...{ seen, layout }} />
      <Rows {...{ seen, layout, token, onFollow }} />
      {seen.config.blocks.map((_, block) => (
        <BlockWay key={block} {...{ seen, layout, block, token, head, onOpen }} />
      ))}
      <Vectors {...{ seen, layout, token, scale }} />
      <End {...{ seen, lens, layout, token }} />
    </svg>
  );
}

type Drawn = Pick<PictureProps, "seen" | "token"> & { readonly layout: Layout };

function BlockFrame({ seen, layout, block, onOpen }: Omit<Drawn, "token"> & Pick<PictureProps, "onOpen"> & { readonly block: number }) {
  const { inside } = words.value;
  const x = layout.blockX(block);
  const name = inside.block(count(block + 1));
  return (
    <g
      class="block" role="button" tabindex={0} onClick={() => onOpen(block)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onOpen(block);
      }}
    >
      <rect x={x + 3} y={1} width={layout.blockWidth - 6} height={layout.height - 2} rx={8} />
      <text class="title" x={x + layout.blockWidth / 2} y={20}>{name}</text>
      <text class="detail" x={x + layout.blockWidth / 2} y={38}>{inside.heads(count(seen.config.blocks[block].attention.heads))}</text>
    </g>
  );
}

function Titles({ seen: { config, count: tokens }, layout }: Omit<Drawn, "token">) {
  const { inside } = words.value;
  const { columns } = layout;
  const shape = `${count(tokens)} × ${count(config.dim)}`;
  const outputs = config.head.type === "classes" ? config.head.labels.length : config.vocabSize;
  const titles: readonly (readonly [number | undefined, number, string, string])[] = [
    [columns.embed, layout.embedWidth, inside.embedding, shape],
    [columns.position, layout.embedWidth, inside.positions, shape],
    [columns.norm, layout.normWidth, inside.norm, shape],
    [columns.head, layout.headWidth, inside.unembed, `→ ${count(outputs)}`],
    [columns.softmax, layout.softmaxWidth, inside.softmax, inside.of(count(outputs))],
  ];
  return (
    <>
      {titles.map(([x, width, title, detail]) => x !== undefined && (
        <g key={title}>
          <text class="title" x={x + width / 2} y={20}>{title}</text>
          <text class="detail" x={x + width / 2} y={38}><title>{inside.tokensByWidth}</title>{detail}</text>
        </g>
      ))}
    </>
  );
}

/** The tokens, each with the line of its way. */
function Rows({ seen, layout, token, onFollow }: Drawn & Pick<PictureProps, "onFollow">) {
  return (
    <g class="rows">
      {seen.names.map((name, row) => {
        const y = layout.rowY(row);
        return (
          <g key={row} class={row === token ? "row followed" : "row"} onClick={() => onFollow(row)}>
            <rect class="hit" x={0} y={y - layout.rowHeight / 2} width={layout.columns.first} height={layout.rowHeight} />
            <text x={layout.labelWidth - 10} y={y}>{cut(name, layout.labelWidth - 14)}</text>
            <line x1={layout.labelWidth - 4} x2={layout.columns.head} y1={y} y2={y} />
          </g>
        );
      })}
    </g>
  );
}

/** What a block does with the followed token: gathers from those before it, then thinks. */
function BlockWay({ seen, layout, block, token, head, onOpen }: Drawn & Pick<PictureProps, "head" | "onOpen"> & { readonly block: number }) {
  const { inside } = words.value;
  const [x, y, width] = [layout.blockX(block), layout.rowY(token), layout.blockWidth];
  const [from, meets, thinks] = [x + 8, x + 0.56 * width, x + 0.8 * width];
  return (
    <g class="in-block" onClick={() => onOpen(block)}>
      {seen.looks(block, head, token).map((weight, key) => {
        if (weight < 0.005) return null;
        const start = layout.rowY(key);
        const bend = (from + meets) / 2;
        return (
          <path
            key={key} class="look" d={`M${from} ${start}C${bend} ${start} ${bend} ${y} ${meets} ${y}`}
            style={{ strokeWidth: 0.5 + 5.5 * weight, strokeOpacity: 0.25 + 0.75 * weight }}
          >
            <title>{inside.looking(seen.names[token], seen.names[key], exactPercent(weight))}</title>
          </path>
        );
      })}
      <circle class="sum" cx={meets} cy={y} r={5} />
      <path class="plus-sign" d={`M${meets - 2.5} ${y}h5M${meets} ${y - 2.5}v5`} />
      <rect class="think" x={thinks - 6} y={y - 6} width={12} height={12} rx={3} />
    </g>
  );
}

/** The vectors of the followed token, under the places where it has them. */
function Vectors({ seen, layout, token, scale }: Drawn & { readonly scale: number }) {
  const { inside } = words.value;
  const { columns, stripY, stripHeight, stripWidth } = layout;
  const strip = (part: Part, x: number, sign: string, title: string, own = scale) => {
    return (
      <g key={title}>
        <Strip
          values={seen.vector(part, token)} scale={own} x={x - stripWidth / 2} y={stripY} width={stripWidth} height={stripHeight} axis="y"
          title={`${title}, ${inside.length} ${exact(seen.norm(part, token))}`}
        />
        <text class="sign-under" x={x} y={stripY + stripHeight + 12}>{sign}</text>
      </g>
    );
  };
  const third = layout.blockWidth / 4;
  const inBlock: readonly (readonly [BlockPart, string, string])[] = [
    ["attention", "+A", inside.legend.attention], ["mlp", "+M", inside.legend.mlp], ["residual", "=", inside.legend.stream],
  ];
  const length = (part: Part, x: number) => <text class="length" x={x} y={stripY + stripHeight + 32}>{ratio(seen.norm(part, token))}</text>;
  return (
    <g class="vectors">
      <path class="drop" d={`M${columns.embed + layout.embedWidth / 2} ${layout.rowY(token)}V${stripY - 6}`} />
      {strip("token", columns.embed + layout.embedWidth / 2, "", inside.embedding)}
      {columns.position !== undefined && strip("position", columns.position + layout.embedWidth / 3, "+", inside.positions)}
      {columns.position !== undefined && strip("embed", columns.position + (2 * layout.embedWidth) / 3, "=", inside.stream)}
      {length("embed", (columns.position ?? columns.embed) + layout.embedWidth / 2)}
      {seen.config.blocks.map((_, block) => (
        <g key={block}>
          {inBlock.map(([part, sign, title], i) => strip({ block, part }, layout.blockX(block) + (i + 1) * third, sign, `${inside.block(count(block + 1))}: ${title}`))}
          {length({ block, part: "residual" }, layout.blockX(block) + layout.blockWidth / 2)}
        </g>
      ))}
      {strip("final", columns.norm + layout.normWidth / 2, "", inside.norm, scaleOf([seen.vector("final", token)]))}
      {length("final", columns.norm + layout.normWidth / 2)}
      <text class="length name" x={layout.labelWidth - 10} y={stripY + stripHeight + 32}>{inside.length}</text>
    </g>
  );
}

/** The head and what it says: the next token's probabilities. */
function End({ seen, lens, layout, token }: Drawn & Pick<PictureProps, "lens">) {
  const { columns, headWidth, softmaxWidth } = layout;
  const next = lens ? nextTokens(lens, seen.config.blocks.length, token) : [];
  const top = layout.firstY - 14;
  const pitch = 24;
  const bottom = top + 8 * pitch;
  const y = layout.rowY(token);
  const [nameWidth, shareWidth] = [84, 46];
  const barWidth = softmaxWidth - nameWidth - shareWidth;
  return (
    <g class="end">
      <path class="fan" d={`M${columns.head} ${y - 5}L${columns.head + headWidth} ${top}V${bottom}L${columns.head} ${y + 5}z`} />
      {next.map(({ name, probability }, i) => (
        <g key={i} class="next">
          <text x={columns.softmax + nameWidth - 8} y={top + (i + 0.5) * pitch} text-anchor="end">{cut(name, nameWidth - 8)}</text>
          <rect x={columns.softmax + nameWidth} y={top + i * pitch + 6} width={Math.max(1, barWidth * probability)} height={pitch - 12} rx={2} />
          <text class="share" x={columns.softmax + softmaxWidth} y={top + (i + 0.5) * pitch} text-anchor="end">{percent(probability)}</text>
        </g>
      ))}
    </g>
  );
}
