import { useRef } from "preact/hooks";
import type { Lens } from "../../engine/api/inside.ts";
import { streamsOf } from "../../engine/parts.ts";
import { followed, shownHead, zoom, zoomOut } from "../../state/inside.ts";
import { count, percent, ratio, words } from "../../state/locale.ts";
import { Icon } from "../../ui/icon.tsx";
import { SavePicture } from "../../ui/save-picture.tsx";
import { useWidth } from "../../ui/use-width.ts";
import { BlockView } from "./block-view.tsx";
import { HeadView } from "./head-view.tsx";
import { layerName } from "./layer-name.ts";
import { nextTokens } from "./next-tokens.ts";
import { Picture } from "./picture.tsx";
import type { Seen } from "./seen.ts";

interface PictureCardProps {
  readonly seen: Seen;
  readonly lens: Lens | undefined;
  readonly token: number;
}

/** The picture, as near as one has come. */
export function PictureCard({ seen, lens, token }: PictureCardProps) {
  const { inside } = words.value;
  const { element, width } = useWidth<HTMLDivElement>();
  const picture = useRef<SVGSVGElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const { block, head } = placeIn(seen);
  const go = (to: typeof zoom.value): void => {
    zoom.value = to;
    // What had the focus is gone.
    requestAnimationFrame(() => heading.current?.focus());
  };
  const follow = (index: number): void => void (followed.value = index);
  return (
    <section class="card picture" aria-label={inside.picture}>
      <header>
        <Breadcrumb {...{ seen, block, head, go }} />
        {head === undefined && <SavePicture name={block === undefined ? "model" : `block-${block + 1}`} of={() => picture.current} />}
      </header>
      <h2 ref={heading} tabIndex={-1}>{inside.following(seen.names[token])}</h2>
      <div ref={element} class="zoomed">
        {block === undefined ? (
          <>
            <div class="way-scroll" tabIndex={0} role="group" aria-label={inside.scrolls}>
              {width > 0 && (
                <Picture
                  {...{ seen, lens, token, width, picture }} head={shownHead.value} onFollow={follow} onOpen={(block) => go({ block })}
                />
              )}
            </div>
            <Legend seen={seen} />
            <WayTable {...{ seen, lens, token }} />
          </>
        ) : head === undefined ? (
          <BlockView {...{ seen, block, token, picture }} onOpen={(head) => go({ block, head })} />
        ) : (
          <HeadView {...{ seen, block, head, token }} onFollow={follow} />
        )}
      </div>
    </section>
  );
}

/** Where the picture is: a model that was opened since may have fewer blocks or heads. */
function placeIn({ config: { blocks } }: Seen): typeof zoom.value {
  const { block, head } = zoom.value;
  if (block === undefined || block >= blocks.length) return {};
  return head !== undefined && head < blocks[block].attention.heads ? { block, head } : { block };
}

interface BreadcrumbProps {
  readonly seen: Seen;
  readonly block: number | undefined;
  readonly head: number | undefined;
  readonly go: (to: typeof zoom.value) => void;
}

function Breadcrumb({ seen: { config: { blocks } }, block, head, go }: BreadcrumbProps) {
  const { inside } = words.value;
  const blockName = (index: number): string => inside.block(count(index + 1));
  const headName = (index: number): string => inside.head(count(index + 1));
  const step = (name: string, icon: "back" | "forward", isThere: boolean, to: typeof zoom.value) => (
    <button type="button" class="icon-button" disabled={!isThere} aria-label={inside.previous(name)} title={inside.previous(name)} onClick={() => (zoom.value = to)}>
      <Icon name={icon} />
    </button>
  );
  return (
    <nav class="crumbs" aria-label={inside.place}>
      <ol>
        <li>{block === undefined ? <span aria-current="location">{inside.whole}</span> : <button type="button" onClick={() => go({})}>{inside.whole}</button>}</li>
        {block !== undefined && (
          <li>{head === undefined ? <span aria-current="location">{blockName(block)}</span> : <button type="button" onClick={() => go({ block })}>{blockName(block)}</button>}</li>
        )}
        {block !== undefined && head !== undefined && <li><span aria-current="location">{headName(head)}</span></li>}
      </ol>
      {block !== undefined && head === undefined && (
        <span class="steps">
          {step(blockName(block - 1), "back", block > 0, { block: block - 1 })}
          {step(blockName(block + 1), "forward", block < blocks.length - 1, { block: block + 1 })}
        </span>
      )}
      {block !== undefined && head !== undefined && (
        <span class="steps">
          {step(headName(head - 1), "back", head > 0, { block, head: head - 1 })}
          {step(headName(head + 1), "forward", head < blocks[block].attention.heads - 1, { block, head: head + 1 })}
        </span>
      )}
      {block !== undefined && <button type="button" class="plain-button" onClick={() => (head === undefined ? go({}) : (zoomOut(), go({ block })))}>{inside.back}</button>}
    </nav>
  );
}

function Legend({ seen }: Pick<PictureCardProps, "seen">) {
  const { inside } = words.value;
  const { blocks, positions, dim } = seen.config;
  const heads = Math.max(...blocks.map(({ attention }) => attention.heads));
  return (
    <div class="legend">
      <label>
        <span>{inside.lines}</span>
        <select value={String(shownHead.value)} onChange={({ currentTarget: { value } }) => (shownHead.value = value === "mean" ? value : Number(value))}>
          <option value="mean">{inside.mean}</option>
          {Array.from({ length: heads }, (_, head) => <option key={head} value={head}>{inside.head(count(head + 1))}</option>)}
        </select>
      </label>
      <p class="soft">
        <b>+A</b> {inside.legend.attention} · <b>+M</b> {inside.legend.mlp} · <b>=</b> {inside.legend.stream}. {inside.vectors(count(seen.width), count(dim))}{" "}
        {positions === "none" && (blocks.some(({ attention }) => attention.rotary) ? inside.rotary : inside.noPositions)}
      </p>
    </div>
  );
}

/** The picture's numbers, in words. */
function WayTable({ seen, lens, token }: PictureCardProps) {
  const { inside } = words.value;
  const { length } = seen.config.blocks;
  return (
    <details>
      <summary>{inside.asTable}</summary>
      <div class="heat-scroll" tabIndex={0} role="group" aria-label={inside.asTable}>
        <table>
          <thead>
            <tr>{[inside.stage, inside.lengthOf, inside.adds(inside.attention), inside.adds(inside.mlp), inside.likeliest].map((title) => <th key={title} scope="col">{title}</th>)}</tr>
          </thead>
          <tbody>
            {streamsOf(length).map((stream, height) => {
              const block = height - 1;
              const next = lens && nextTokens(lens, height, token)[0];
              return (
                <tr key={height}>
                  <th scope="row">{layerName(height)}</th>
                  <td>{ratio(seen.norm(stream, token))}</td>
                  <td>{block >= 0 && ratio(seen.norm({ block, part: "attention" }, token))}</td>
                  <td>{block >= 0 && ratio(seen.norm({ block, part: "mlp" }, token))}</td>
                  <td>{next && `${next.name} ${percent(next.probability)}`}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </details>
  );
}
