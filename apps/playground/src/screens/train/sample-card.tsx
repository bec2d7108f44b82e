import { count, decimal, words } from "../../state/locale.ts";
import { moment, shown } from "../../state/train.ts";
import { Slider } from "../../ui/slider.tsx";

/** A text that the model wrote at a moment of its training. */
export function SampleCard() {
  const { train: { sample } } = words.value;
  const moments = shown.value?.moments ?? [];
  const at = Math.min(moment.value ?? Infinity, moments.length - 1);
  const seen = moments[at];
  return (
    <section class="card sample" aria-labelledby="sample-heading">
      <header>
        <h2 id="sample-heading">{sample.heading}</h2>
        <p class="soft about">{sample.about}</p>
      </header>
      {/* As tall for every moment, so that nothing jumps. */}
      <p class="written" dir="auto">
        {seen ? <><span class="soft">{seen.prompt.trimStart()}</span>{seen.prompt.trim() === "" ? seen.sample.trimStart() : seen.sample}</> : <span class="soft">{sample.none}</span>}
      </p>
      <Slider
        name={sample.moment} min={0} max={Math.max(1, moments.length - 1)} step={1} value={Math.max(0, at)} disabled={moments.length < 2}
        shown={seen ? [sample.at(count(seen.step)), ...(seen.loss === null ? [] : [sample.loss(decimal(seen.loss))])].join(" · ") : sample.latest}
        onChange={(index) => (moment.value = index === moments.length - 1 ? undefined : index)}
      />
    </section>
  );
}
