import { useEffect, useRef } from "preact/hooks";
import type { CorpusId, TrainingSetup } from "../../engine/api/training.ts";
import { backend } from "../../state/engine.ts";
import { count, duration, size, small, words } from "../../state/locale.ts";
import {
  change, chooseCorpus, choices, isTraining, makePlan, ownText, plan, plannedSeconds, ranges, setOwnFiles, setOwnText, setup, sizeName, sizes, usualRates,
} from "../../state/train.ts";
import type { RangeName } from "../../state/train.ts";
import { Choice } from "../../ui/choice.tsx";
import { FailureNote } from "../../ui/failure-note.tsx";
import { Slider } from "../../ui/slider.tsx";

/** What is trained next, and what that takes. */
export function SetupCard() {
  const { train: { setup: texts } } = words.value;
  const { corpus, vocabulary, vocabSize, heads, optimizer, learningRate } = setup.value;
  const state = backend.value;
  useEffect(() => {
    const timer = setTimeout(() => void makePlan(), 150);
    return () => clearTimeout(timer);
  }, [setup.value, state, ownText.value]);
  return (
    <section class="card setup" aria-labelledby="setup-heading">
      <header>
        <h2 id="setup-heading">{texts.heading}</h2>
        {isTraining.value && <p class="soft about">{texts.inUse}</p>}
      </header>
      <Part name={texts.corpus} about={texts.aboutCorpora[corpus]}>
        <Choice<CorpusId> label={texts.corpus} names={texts.corpora} value={corpus} onChoose={chooseCorpus} />
        {corpus === "own" && <OwnText />}
      </Part>
      <Part name={texts.size}>
        <Choice<string>
          label={texts.size} names={sizeName.value ? texts.sizes : { ...texts.sizes, own: texts.ownSize }} value={sizeName.value ?? "own"}
          onChoose={(name) => name in sizes && change(sizes[name as keyof typeof sizes])}
        />
      </Part>
      <Estimate />
      <details>
        <summary>{texts.more}</summary>
        <div class="more">
          <Part name={texts.vocabulary}>
            <Choice<TrainingSetup["vocabulary"]> label={texts.vocabulary} names={texts.vocabularies} value={vocabulary} onChoose={(vocabulary) => change({ vocabulary })} />
          </Part>
          {vocabulary === "pairs" && <Steps name={texts.vocabSize} values={choices.vocabSize} value={vocabSize} show={count} onChange={(vocabSize) => change({ vocabSize })} />}
          <Setting name="layers" />
          <Steps name={texts.names.heads} values={choices.heads} value={heads} show={count} onChange={(heads) => change({ heads })} />
          {(["dim", "contextLength", "batchSize", "steps"] as const).map((name) => <Setting key={name} name={name} />)}
          <Part name={texts.optimizer}>
            <Choice<TrainingSetup["optimizer"]>
              label={texts.optimizer} names={texts.optimizers} value={optimizer}
              onChoose={(optimizer) => change({ optimizer, learningRate: usualRates[optimizer] })}
            />
          </Part>
          <Steps name={texts.learningRate} values={choices.learningRate} value={learningRate} show={small} onChange={(learningRate) => change({ learningRate })} />
        </div>
      </details>
    </section>
  );
}

function Part({ name, about, children }: { readonly name: string; readonly about?: string; readonly children: preact.ComponentChildren }) {
  return (
    <div class="part">
      <span class="part-name">{name}</span>
      {children}
      {about && <span class="about soft">{about}</span>}
    </div>
  );
}

function Setting({ name }: { readonly name: RangeName }) {
  const { train: { setup: texts } } = words.value;
  const value = setup.value[name];
  return <Slider name={texts.names[name]} shown={count(value)} value={value} {...ranges[name]} onChange={(value) => change({ [name]: value })} />;
}

/** One of a few numbers. */
function Steps({ name, values, value, show, onChange }: {
  readonly name: string; readonly values: readonly number[]; readonly value: number; readonly show: (value: number) => string; readonly onChange: (value: number) => void;
}) {
  return <Slider name={name} shown={show(value)} min={0} max={values.length - 1} step={1} value={values.indexOf(value)} onChange={(index) => onChange(values[index])} />;
}

/** What the model takes. */
function Estimate() {
  const { train: { setup: texts } } = words.value;
  const state = plan.value;
  if (state.status === "failed") return state.failure.code === "empty-data" ? null : <FailureNote failure={state.failure} />;
  const values = state.status === "ready" ? state.value : undefined;
  const seconds = plannedSeconds.value;
  return (
    <>
      <dl class="facts">
        <dt>{texts.parameters}</dt>
        <dd>{values ? count(values.parameters) : texts.unknown}</dd>
        <dt>{texts.memory}</dt>
        <dd>{values ? size(values.bytes) : texts.unknown}</dd>
        <dt>{texts.time}</dt>
        <dd>{seconds === undefined ? texts.unknown : duration(seconds)}</dd>
      </dl>
      {values && values.bytes > values.room && <p class="failure" role="alert">{texts.tooMuch(size(values.room))}</p>}
    </>
  );
}

/** A text that is pasted, or chosen files. */
function OwnText() {
  const { train: { setup: texts } } = words.value;
  const files = useRef<HTMLInputElement>(null);
  const text = ownText.value;
  return (
    <div class="own">
      <textarea
        rows={3} dir="auto" spellcheck={false} aria-label={texts.paste} placeholder={texts.paste}
        // A long text is kept by the engine, and not laid out.
        onPaste={(event) => {
          const pasted = event.clipboardData?.getData("text/plain") ?? "";
          if (pasted.length < 20_000) return;
          event.preventDefault();
          void setOwnText(texts.pasted, pasted);
        }}
        onChange={({ currentTarget }) => void setOwnText(texts.pasted, currentTarget.value)}
      />
      <input
        ref={files} type="file" accept=".txt,text/plain" multiple hidden
        onChange={({ currentTarget }) => {
          const chosen = [...(currentTarget.files ?? [])];
          currentTarget.value = "";
          void setOwnFiles(chosen);
        }}
      />
      <div class="row">
        <button type="button" class="plain-button" onClick={() => files.current?.click()}>{texts.choose}</button>
        {text && <span class="soft">{texts.characters(text.name, count(text.characters))}</span>}
      </div>
    </div>
  );
}
