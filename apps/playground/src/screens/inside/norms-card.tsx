import { useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { streamsOf } from "../../engine/parts.ts";
import { followed } from "../../state/inside.ts";
import { count, exact, ratio, words } from "../../state/locale.ts";
import { HeatMap } from "../../ui/heat-map.tsx";
import type { Cell } from "../../ui/heat-map.tsx";
import { SavePicture } from "../../ui/save-picture.tsx";
import { Bars } from "./bars.tsx";
import { layerName, shortLayerName } from "./layer-name.ts";
import type { Seen } from "./seen.ts";

/** How long the residual streams are, by token and layer. */
export function NormsCard({ seen, token }: { readonly seen: Seen; readonly token: number }) {
  const { inside } = words.value;
  const picture = useRef<SVGSVGElement>(null);
  const streams = streamsOf(seen.config.blocks.length);
  const chosen = useSignal<number | undefined>(undefined);
  const column = Math.min(chosen.value ?? streams.length - 1, streams.length - 1);
  const cells = useMemo(() => {
    const norms = seen.names.map((_, row) => streams.map((stream) => seen.norm(stream, row)));
    const largest = Math.max(...norms.flat());
    return norms.map((row, i) =>
      row.map((norm, height): Cell => ({ heat: norm / largest, text: ratio(norm), label: inside.normIs(seen.names[i], layerName(height), exact(norm)) })),
    );
  }, [seen, inside]);
  const added = seen.config.blocks.flatMap((_, block) =>
    (["attention", "mlp"] as const).map((part) => ({ name: `${count(block + 1)} ${inside[part]}`, norm: seen.norm({ block, part }, token) })),
  );
  const most = Math.max(...added.map(({ norm }) => norm));
  return (
    <section class="card norms" aria-label={inside.norms}>
      <header>
        <h2>{inside.norms}</h2>
        <SavePicture name="norms" of={() => picture.current} />
      </header>
      <p class="soft">{inside.normsAbout}</p>
      <div class="with-side">
        <HeatMap
          name="norms" label={inside.normsMap} rows={seen.names} columns={streams.map((_, i) => shortLayerName(i))} cells={cells} cellWidth={60}
          picture={picture} chosen={{ row: token, column }}
          onChoose={(place) => {
            followed.value = place.row;
            chosen.value = place.column;
          }}
        />
        <div class="side">
          <h3>{inside.added(seen.names[token])}</h3>
          <Bars label={inside.added(seen.names[token])} bars={added.map(({ name, norm }) => ({ name, size: norm / most, value: ratio(norm) }))} />
        </div>
      </div>
    </section>
  );
}
