import { useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { Lens } from "../../engine/api/inside.ts";
import { followed } from "../../state/inside.ts";
import { exactPercent, percent, words } from "../../state/locale.ts";
import { HeatMap } from "../../ui/heat-map.tsx";
import type { Cell } from "../../ui/heat-map.tsx";
import { SavePicture } from "../../ui/save-picture.tsx";
import { Bars } from "./bars.tsx";
import { layerName, shortLayerName } from "./layer-name.ts";
import { nextTokens } from "./next-tokens.ts";
import type { Seen } from "./seen.ts";

/** What the stream would say behind each block, of every token. */
export function LensCard({ seen, lens, token }: { readonly seen: Seen; readonly lens: Lens | undefined; readonly token: number }) {
  const { inside } = words.value;
  const picture = useRef<SVGSVGElement>(null);
  const heights = seen.config.blocks.length + 1;
  const chosen = useSignal<number | undefined>(undefined);
  const height = Math.min(chosen.value ?? heights - 1, heights - 1);
  const cells = useMemo(
    () =>
      seen.names.map((name, row) =>
        Array.from({ length: heights }, (_, column): Cell => {
          const next = lens && nextTokens(lens, column, row)[0];
          if (!next) return { heat: undefined, label: inside.loading };
          return { heat: next.probability, text: next.name, label: inside.says(name, layerName(column), next.name, exactPercent(next.probability)) };
        }),
      ),
    [seen, lens, inside],
  );
  return (
    <section class="card lens" aria-label={inside.lens}>
      <header>
        <h2>{inside.lens}</h2>
        <SavePicture name="logit-lens" of={() => picture.current} />
      </header>
      <p class="soft">{inside.lensAbout}</p>
      <div class="with-side">
        <HeatMap
          name="lens" label={inside.lensMap} rows={seen.names} columns={Array.from({ length: heights }, (_, i) => shortLayerName(i))} cells={cells} cellWidth={76} picture={picture}
          chosen={{ row: token, column: height }}
          onChoose={({ row, column }) => {
            followed.value = row;
            chosen.value = column;
          }}
        />
        <div class="side">
          <h3>{inside.lensOf(seen.names[token], layerName(height))}</h3>
          <Bars
            label={inside.likeliest}
            bars={(lens ? nextTokens(lens, height, token) : []).map(({ name, probability }) => ({ name, size: probability, value: percent(probability) }))}
          />
        </div>
      </div>
    </section>
  );
}
