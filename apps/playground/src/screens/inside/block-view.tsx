import type { Ref } from "preact";
import type { Part } from "../../engine/parts.ts";
import { count, decimal, percent, ratio, words } from "../../state/locale.ts";
import { Bars } from "./bars.tsx";
import { PatternMap } from "../../ui/pattern-map.tsx";
import type { Seen } from "./seen.ts";
import { scaleOf, Strip } from "./strip.tsx";

interface BlockViewProps {
  readonly seen: Seen;
  readonly block: number;
  readonly token: number;
  readonly onOpen: (head: number) => void;
  readonly picture: Ref<SVGSVGElement>;
}

/** One block: what it makes of the stream, its heads side by side, its strongest neurons. */
export function BlockView({ seen, block, token, onOpen, picture }: BlockViewProps) {
  const { inside } = words.value;
  const { attention, mlp, place } = seen.config.blocks[block];
  return (
    <div class="block-view">
      <StreamStrips {...{ seen, block, token, picture }} />
      <section class="heads" aria-label={inside.attention}>
        <h3>{inside.attention}</h3>
        <p class="soft about">
          {inside.blockAbout({
            tokens: count(seen.count), width: count(seen.config.dim), heads: count(attention.heads), kvHeads: count(attention.kvHeads), headDim: count(attention.headDim),
          })}{" "}
          {attention.rotary && inside.rotary} {attention.window !== undefined && inside.window(count(attention.window))} {place === "post" && inside.post}
        </p>
        <div class="head-grid">
          {Array.from({ length: attention.heads }, (_, head) => (
            <HeadButton key={head} {...{ seen, block, head, token, onOpen }} />
          ))}
        </div>
      </section>
      <section aria-label={inside.mlp}>
        <h3>{inside.mlp}: {inside.neurons}</h3>
        <p class="soft about">
          {mlp.type === "experts"
            ? inside.neuronsAboutExperts(seen.names[token], count(mlp.active), count(mlp.count))
            : inside.neuronsAbout(seen.names[token], count(mlp.hiddenDim))}
        </p>
        <Neurons {...{ seen, block, token }} />
      </section>
    </div>
  );
}

function HeadButton({ seen, block, head, token, onOpen }: Omit<BlockViewProps, "picture"> & { readonly head: number }) {
  const { inside } = words.value;
  const looks = seen.looks(block, head, token);
  const most = looks.indexOf(Math.max(...looks));
  const name = inside.head(count(head + 1));
  const about = looks[most] > 0 ? inside.looksAt(seen.names[most], percent(looks[most])) : inside.nowhere;
  return (
    <button type="button" class="head-button" onClick={() => onOpen(head)}>
      <PatternMap pattern={seen.pattern(block, head)} cell={Math.max(2, Math.floor(132 / seen.count))} row={token} />
      <span>{name}</span>{" "}
      <span class="soft">{about}</span>
    </button>
  );
}

function Neurons({ seen, block, token }: Pick<BlockViewProps, "seen" | "block" | "token">) {
  const { inside } = words.value;
  const neurons = seen.neurons(block, token);
  const largest = Math.abs(neurons[0]?.activation ?? 1);
  const bars = neurons.map(({ number, expert, activation }) => ({
    name: expert === undefined ? inside.neuron(count(number)) : inside.expertNeuron(count(expert + 1), count(number)),
    size: activation / largest, value: decimal(activation),
  }));
  return <Bars label={inside.neurons} bars={bars} isSigned />;
}

const rowHeight = 30;
const [nameWidth, stripWidth, lengthWidth] = [132, 384, 64];

/** The stream before the block, what is added to it, and the stream behind. */
function StreamStrips({ seen, block, token, picture }: Omit<BlockViewProps, "onOpen">) {
  const { inside } = words.value;
  const rows: readonly (readonly [string, Part])[] = [
    [inside.before, block === 0 ? "embed" : { block: block - 1, part: "residual" }],
    [inside.adds(inside.attention), { block, part: "attention" }],
    [inside.behind(inside.attention), { block, part: "middle" }],
    [inside.adds(inside.mlp), { block, part: "mlp" }],
    [inside.behind(inside.block(count(block + 1))), { block, part: "residual" }],
  ];
  const scale = scaleOf(rows.map(([, part]) => seen.vector(part, token)));
  const [width, height] = [nameWidth + stripWidth + lengthWidth, rows.length * rowHeight + 20];
  return (
    <section aria-label={inside.stream}>
      <h3>{inside.stream}</h3>
      <div class="heat-scroll" tabIndex={0} role="group" aria-label={inside.stream}>
        <svg ref={picture} class="way strips" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={rows.map(([name, part]) => `${name}: ${inside.length} ${ratio(seen.norm(part, token))}`).join("; ")}>
          <text class="length name" x={width} y={8}>{inside.length}</text>
          {rows.map(([name, part], i) => {
            const y = 20 + i * rowHeight;
            return (
              <g key={name}>
                <text x={0} y={y + rowHeight / 2}>{name}</text>
                <Strip values={seen.vector(part, token)} scale={scale} x={nameWidth} y={y + 6} width={stripWidth} height={rowHeight - 12} axis="x" title={name} />
                <text class="length name" x={width} y={y + rowHeight / 2}>{ratio(seen.norm(part, token))}</text>
              </g>
            );
          })}
        </svg>
      </div>
    </section>
  );
}
