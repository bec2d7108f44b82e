import type { TunedPackage } from "../../engine/api/tuning.ts";
import { words } from "../../state/locale.ts";
import { isBusy, packed, takeAway } from "../../state/tune.ts";
import type { Run } from "../../state/tune.ts";
import { SavingNote } from "../../ui/saving-note.tsx";
import { SteadyButton } from "../../ui/steady-button.tsx";

/** Files of what was learnt, for other tools. */
export function TakeAway({ run: { task, method, losses } }: { readonly run: Run }) {
  const { tune } = words.value;
  const kinds: readonly TunedPackage[] = task === "labels" ? ["folder"] : method === "lora" ? ["peft", "gguf-q8_0", "gguf-f16", "folder"] : ["gguf-q8_0", "gguf-f16", "folder"];
  return (
    <section class="card away" aria-labelledby="away-heading">
      <h2 id="away-heading">{tune.away}</h2>
      <ul>
        {kinds.map((kind) => (
          <li key={kind}>
            <SteadyButton isOff={isBusy.value || losses.length === 0} onClick={() => void takeAway(kind)}>{tune.packages[kind]}</SteadyButton>
            <span class="soft">{task === "labels" ? tune.classifierFolder : tune.packageAbouts[kind]}</span>
          </li>
        ))}
      </ul>
      <SavingNote state={packed.value} />
    </section>
  );
}
