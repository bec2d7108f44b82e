import { count, decimal, words } from "../../state/locale.ts";
import { controls, ranges, setSeed, usual } from "../../state/write.ts";
import type { Range } from "../../state/write.ts";
import { Slider } from "../../ui/slider.tsx";
import { SteadyButton } from "../../ui/steady-button.tsx";

const names = ["temperature", "topK", "topP", "minP", "repetitionPenalty", "maxTokens"] as const;

/** How tokens are drawn. */
export function SamplingControls() {
  const { write } = words.value;
  return (
    <section class="card settings" aria-labelledby="settings-heading">
      <header class="row">
        <h2 id="settings-heading">{write.controls}</h2>
        <SteadyButton isOff={controls.value === usual} onClick={() => (controls.value = usual)}>{write.reset}</SteadyButton>
      </header>
      {names.map((name) => <Control key={name} name={name} {...ranges.value[name]} />)}
      <label class="setting">
        <span>{write.seed}</span>
        <input
          type="text" inputMode="numeric" placeholder={write.newSeed} value={controls.value.seed ?? ""}
          onInput={({ currentTarget }) => (currentTarget.value = setSeed(currentTarget.value))}
        />
        <span class="about soft">{write.abouts.seed}</span>
      </label>
    </section>
  );
}

function Control({ name, min, max, step, off }: Range & { readonly name: (typeof names)[number] }) {
  const { write } = words.value;
  // What was chosen while a model was not open yet, or another one was, may be more than there can be.
  const value = Math.min(controls.value[name], max);
  const shown = value === off ? write.off : step < 1 ? decimal(value) : count(value);
  return (
    <Slider
      name={write.names[name]} shown={shown} about={write.abouts[name]} min={min} max={Number.isFinite(max) ? max : value} step={step} value={value}
      onChange={(value) => (controls.value = { ...controls.value, [name]: value })}
    />
  );
}
