import type { DataReport, TuningPlan, TuningSettings } from "../../engine/api/tuning.ts";
import { engine, model } from "../../state/engine.ts";
import { count, percent, short, size, words } from "../../state/locale.ts";
import { begin, choices, isBeginning, isBusy, isRunning, refusal, run, setSettings, settings, task } from "../../state/tune.ts";
import { Choice, Toggle } from "../../ui/choice.tsx";
import { FailureNote } from "../../ui/failure-note.tsx";
import { SteadyButton } from "../../ui/steady-button.tsx";
import { useLatest } from "../../ui/use-latest.ts";

interface NumbersProps<T extends string> {
  readonly label: string;
  readonly values: readonly T[];
  readonly nameOf: (value: T) => string;
  readonly value: number;
  readonly onChoose: (value: number) => void;
}

/** One of a few numbers. */
function Numbers<T extends string>({ label, values, nameOf, value, onChoose }: NumbersProps<T>) {
  // An object would put keys that are numbers into another order.
  const names = Object.fromEntries(values.map((value) => [`=${value}`, nameOf(value)]));
  return (
    <div class="setting">
      <span aria-hidden="true">{label}</span>
      <Choice label={label} names={names} value={`=${value}`} onChoose={(chosen) => onChoose(Number(chosen.slice(1)))} />
    </div>
  );
}

/** How it learns, what that takes, and the start. */
export function MethodCard({ read }: { readonly read: DataReport | undefined }) {
  const { tune } = words.value;
  const { method, rank, targets, rate, heldOut, epochs: rounds, balanced, seed } = settings.value;
  const { head, ...withoutHead } = tune.methods;
  const methods: Partial<Record<TuningSettings["method"], string>> = task.value === "labels" ? { head, ...withoutHead } : withoutHead;
  return (
    <section class="card method" aria-labelledby="method-heading">
      <h2 id="method-heading">{tune.method}</h2>
      <fieldset disabled={isRunning.value || isBeginning.value}>
        <div>
          <Choice label={tune.methodLabel} names={methods as Record<TuningSettings["method"], string>} value={method} onChoose={(chosen) => setSettings({ method: chosen })} />
          <p class="about soft">{tune.abouts[method]}</p>
        </div>
        {method === "lora" && (
          <>
            <Numbers label={tune.rank} values={choices.rank} nameOf={(rank) => count(Number(rank))} value={rank} onChoose={(rank) => setSettings({ rank })} />
            <div class="setting">
              <span aria-hidden="true">{tune.targets}</span>
              <Choice label={tune.targets} names={tune.targetNames} value={targets} onChoose={(targets) => setSettings({ targets })} />
            </div>
          </>
        )}
        <Numbers label={tune.epochs} values={choices.epochs} nameOf={(rounds) => count(Number(rounds))} value={rounds} onChoose={(epochs) => setSettings({ epochs })} />
        <Numbers label={tune.rate} values={choices.rate} nameOf={(rate) => tune.rates[rate]} value={rate} onChoose={(rate) => setSettings({ rate })} />
        <Numbers
          label={tune.heldOut} values={choices.heldOut} nameOf={(share) => (share === "0" ? tune.none : percent(Number(share)))} value={heldOut}
          onChoose={(heldOut) => setSettings({ heldOut })}
        />
        <label class="setting">
          <span>{tune.seed}</span>
          <input
            type="text" inputMode="numeric" value={seed}
            onInput={({ currentTarget }) => {
              // Digits of a number that is exact.
              const digits = (currentTarget.value = currentTarget.value.replace(/\D/g, "").slice(0, 9));
              setSettings({ seed: Number(digits) });
            }}
          />
        </label>
        {task.value === "labels" && <Toggle name={tune.balanced} isOn={balanced} onToggle={(balanced) => setSettings({ balanced })} />}
      </fieldset>
      <Plan read={read} />
      {refusal.value && <FailureNote failure={refusal.value} />}
    </section>
  );
}

function Plan({ read }: { readonly read: DataReport | undefined }) {
  const { tune } = words.value;
  const canLearn = read !== undefined && read.examples > 0 && model.value.status === "ready";
  const plan = useLatest(async () => (canLearn ? await engine.ask("planTuning", settings.peek()) : undefined), [read, settings.value, canLearn]);
  const value = plan.status === "ready" ? plan.value : undefined;
  return (
    <>
      {canLearn && (
        plan.status === "failed" ? <FailureNote failure={plan.failure} /> : value ? <PlanText plan={value} /> : <p class="soft">{tune.planning}</p>
      )}
      <div class="row">
        <SteadyButton class="main-button" isOff={!canLearn || isBusy.value || !value || value.bytes > value.room} onClick={() => void begin()}>
          {run.value ? tune.startAnew : tune.start}
        </SteadyButton>
      </div>
    </>
  );
}

function PlanText({ plan }: { readonly plan: TuningPlan }) {
  const { tune } = words.value;
  return (
    <p class="soft plan">
      {tune.plan(short(plan.trained), short(plan.parameters), count(plan.steps))} {tune.split(count(plan.training), count(plan.validation))}{" "}
      {tune.takes(tune.seconds(plan.seconds), size(plan.bytes))} {plan.bytes > plan.room && tune.tooMuch(size(plan.room))}
    </p>
  );
}
