import { model } from "../state/engine.ts";
import { count, short, words } from "../state/locale.ts";

interface Known {
  readonly name: string;
  readonly parameters: number;
  /** Those that a token takes, where they are fewer. */
  readonly active?: number;
  readonly layers: number;
}

/** As their papers have them. */
const known: readonly Known[] = [
  { name: "GPT-1", parameters: 117e6, layers: 12 },
  { name: "GPT-2", parameters: 1.5e9, layers: 48 },
  { name: "Mixtral 8x7B", parameters: 46.7e9, active: 12.9e9, layers: 32 },
  { name: "GPT-3", parameters: 175e9, layers: 96 },
];
const [least, most] = [1e5, 1e12];

/** How large models are: each step of the scale is ten times the one before. */
export function ScaleFigure() {
  const { lessons } = words.value;
  const open = model.value.status === "ready" ? [{ name: lessons.thisModel, ...model.value.value }] : [];
  const share = (parameters: number): string => `${(100 * Math.log(parameters / least)) / Math.log(most / least)}%`;
  return (
    <figure class="scale-figure">
      {[...open, ...known].map(({ name, parameters, layers, active }: Known) => (
        <div key={name}>
          <span>{name}</span>
          <span class="soft">{lessons.size(short(parameters), count(layers))}</span>
          <span class="track">
            <i style={{ inlineSize: share(parameters) }} class={active ? "idle" : ""} />
            {active && <i style={{ inlineSize: share(active) }} />}
          </span>
        </div>
      ))}
      <figcaption class="soft">{lessons.scaleAbout}</figcaption>
    </figure>
  );
}
