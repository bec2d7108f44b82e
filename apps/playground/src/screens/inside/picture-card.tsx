import { useEffect, useRef } from "preact/hooks";
import type { Lens } from "../../engine/api/inside.ts";
import { streamsOf } from "../../engine/parts.ts";
import { followed, outOf, shownHead, zoom } from "../../state/inside.ts";
import { count, percent, ratio, words } from "../../state/locale.ts";
import { Icon } from "../../ui/icon.tsx";
import { clamped } from "../../ui/keys.ts";
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
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      // In a field, Escape may end the composition of a character.
      if (event.key !== "Escape" || event.isComposing || zoom.value.block === undefined || event.defaultPrevented) return;
      // What is open over the page closes first.
      if (document.querySelector(":popover-open, dialog[open]")) return;
      const to = outOf(zoom.value);
      if (heading.current?.parentElement?.contains(document.activeElement)) go(to);
      else zoom.value = to;
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
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
  const step = (icon: "back" | "forward", nameOf: (index: number) => string, to: number, of: number, place: (index: number) => typeof zoom.value) => (
    <button
      type="button" class="icon-button" disabled={to < 0 || to >= of} aria-label={inside.previous(nameOf(clamped(to, of)))} title={inside.previous(nameOf(clamped(to, of)))}
      onClick={() => (zoom.value = place(to))}
    >
      <Icon name={icon} />
    </button>
  );
  const steps = (nameOf: (index: number) => string, index: number, of: number, place: (index: number) => typeof zoom.value) => (
    <span class="steps">
      {step("back", nameOf, index - 1, of, place)}
      {step("forward", nameOf, index + 1, of, place)}
    </span>
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
      {block !== undefined && head === undefined && steps(blockName, block, blocks.length, (block) => ({ block }))}
      {block !== undefined && head !== undefined && steps(headName, head, blocks[block].attention.heads, (head) => ({ block, head }))}
      {block !== undefined && <button type="button" class="plain-button" onClick={() => go(outOf(zoom.value))}>{inside.back}</button>}
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
