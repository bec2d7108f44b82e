import { useRef } from "preact/hooks";
import type { Ref } from "preact";
import { count, percent, words } from "../../state/locale.ts";
import { SavePicture } from "../../ui/save-picture.tsx";
import type { Seen } from "./seen.ts";

interface ExpertsProps {
  readonly seen: Seen;
  readonly token: number;
}

/** What routers did with the tokens of the text; nothing for models without experts. */
export function ExpertsCard({ seen, token }: ExpertsProps) {
  const { inside } = words.value;
  const picture = useRef<SVGSVGElement>(null);
  const blocks = seen.config.blocks.flatMap(({ mlp }, block) => (mlp.type === "experts" ? [block] : []));
  if (blocks.length === 0) return null;
  return (
    <section class="card experts" aria-label={inside.experts}>
      <header>
        <h2>{inside.experts}</h2>
        <SavePicture name="experts" of={() => picture.current} />
      </header>
      <p class="soft">{inside.expertsAbout}</p>
      <div class="heat-scroll" tabIndex={0} role="group" aria-label={inside.experts}>
        <Loads {...{ seen, token, blocks, picture }} />
      </div>
    </section>
  );
}

const [nameWidth, blockWidth, barWidth, rowHeight, headHeight] = [88, 168, 96, 24, 28];

/** A column for each block, a bar for each expert. */
function Loads({ seen, token, blocks, picture }: ExpertsProps & { readonly blocks: readonly number[]; readonly picture: Ref<SVGSVGElement> }) {
  const { inside } = words.value;
  const loads = blocks.map((block) => seen.loads(block));
  const most = Math.max(...loads.map(({ length }) => length));
  const largest = Math.max(...loads.flat());
  const [width, height] = [nameWidth + blocks.length * blockWidth, headHeight + most * rowHeight];
  return (
    <svg ref={picture} class="way loads" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="list" aria-label={inside.experts}>
      {Array.from({ length: most }, (_, expert) => (
        <text key={expert} x={0} y={headHeight + (expert + 0.5) * rowHeight} aria-hidden="true">{inside.expert(count(expert + 1))}</text>
      ))}
      {blocks.map((block, i) => {
        const x = nameWidth + i * blockWidth;
        const chosen = seen.experts(block, token);
        return (
          <g key={block} role="none">
            <text x={x} y={headHeight / 2} class="title start" aria-hidden="true">{inside.block(count(block + 1))}</text>
            {loads[i].map((load, expert) => {
              const share = chosen.find((each) => each.expert === expert)?.share;
              const y = headHeight + expert * rowHeight;
              const label = [`${inside.block(count(block + 1))}, ${inside.load(inside.expert(count(expert + 1)), percent(load))}`, share !== undefined && inside.chosenFor(seen.names[token], percent(share))];
              return (
                <g key={expert} role="listitem" aria-label={label.filter(Boolean).join(", ")} class={share === undefined ? "load" : "load chosen"}>
                  <title>{label.filter(Boolean).join(", ")}</title>
                  <rect x={x} y={y + 6} width={Math.max(1, (barWidth * load) / largest)} height={rowHeight - 12} rx={2} />
                  <text x={x + barWidth + 8} y={y + rowHeight / 2}>{percent(load)}</text>
                </g>
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}
