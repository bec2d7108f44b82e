import { model } from "../../state/engine.ts";
import { count, decimal, words } from "../../state/locale.ts";
import { controls, usual } from "../../state/write.ts";
import type { Controls } from "../../state/write.ts";

interface Range {
  readonly name: Exclude<keyof Controls, "seed">;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** At which it does nothing. */
  readonly off?: number;
}

const fractions: readonly Range[] = [
  { name: "temperature", min: 0, max: 2, step: 0.05 },
  { name: "topK", min: 0, max: 100, step: 1, off: 0 },
  { name: "topP", min: 0.05, max: 1, step: 0.05, off: 1 },
  { name: "minP", min: 0, max: 0.5, step: 0.01, off: 0 },
  { name: "repetitionPenalty", min: 1, max: 2, step: 0.05, off: 1 },
];

/** How tokens are drawn. */
export function SamplingControls() {
  const { write } = words.value;
  const most = model.value.status === "ready" ? model.value.value.contextLength : usual.maxTokens;
  return (
    <section class="card settings" aria-labelledby="settings-heading">
      <header class="row">
        <h2 id="settings-heading">{write.controls}</h2>
        <button type="button" class="plain-button" disabled={controls.value === usual} onClick={() => (controls.value = usual)}>{write.reset}</button>
      </header>
      {[...fractions, { name: "maxTokens", min: 1, max: most, step: 1 } as const].map((range) => <Slider key={range.name} {...range} />)}
      <label class="setting">
        <span>{write.seed}</span>
        <input
          type="text" inputMode="numeric" placeholder={write.newSeed} value={controls.value.seed ?? ""}
          onInput={({ currentTarget }) => {
            // Digits of a number that is exact.
            const digits = (currentTarget.value = currentTarget.value.replace(/\D/g, "").slice(0, 15));
            controls.value = { ...controls.value, seed: digits === "" ? undefined : Number(digits) };
          }}
        />
        <span class="about soft">{write.abouts.seed}</span>
      </label>
    </section>
  );
}

function Slider({ name, min, max, step, off }: Range) {
  const { write } = words.value;
  const value = controls.value[name];
  const shown = value === off ? write.off : step < 1 ? decimal(value) : count(value);
  return (
    <label class="setting">
      <span>{write.names[name]}</span>
      <span>{shown}</span>
      <input
        type="range" min={min} max={max} step={step} value={value} aria-valuetext={shown}
        onInput={({ currentTarget }) => (controls.value = { ...controls.value, [name]: currentTarget.valueAsNumber })}
      />
      <span class="about soft">{write.abouts[name]}</span>
    </label>
  );
}
