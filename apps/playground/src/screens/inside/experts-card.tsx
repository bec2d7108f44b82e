import { count, percent, words } from "../../state/locale.ts";
import { Bars } from "./bars.tsx";
import type { Seen } from "./seen.ts";

/** What routers did with the tokens of the text; nothing for models without experts. */
export function ExpertsCard({ seen, token }: { readonly seen: Seen; readonly token: number }) {
  const { inside } = words.value;
  const blocks = seen.config.blocks.flatMap(({ mlp }, block) => (mlp.type === "experts" ? [block] : []));
  if (blocks.length === 0) return null;
  return (
    <section class="card experts" aria-label={inside.experts}>
      <h2>{inside.experts}</h2>
      <p class="soft">{inside.expertsAbout}</p>
      <div class="expert-grid">
        {blocks.map((block) => {
          const loads = seen.loads(block);
          const chosen = seen.experts(block, token);
          const largest = Math.max(...loads);
          const name = inside.block(count(block + 1));
          return (
            <section key={block} aria-label={name}>
              <h3>{name}</h3>
              <Bars
                label={name}
                bars={loads.map((load, expert) => ({
                  name: inside.expert(count(expert + 1)), size: load / largest, value: percent(load), isMarked: chosen.some((each) => each.expert === expert),
                }))}
              />
              <p class="soft small">{inside.chosenFor(seen.names[token])}: {chosen.map(({ expert, share }) => `${count(expert + 1)} (${percent(share)})`).join(", ")}</p>
            </section>
          );
        })}
      </div>
    </section>
  );
}
