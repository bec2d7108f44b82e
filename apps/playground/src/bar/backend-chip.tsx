import { useSignal } from "@preact/signals";
import type { BackendChoice, BackendReport, Obstacle, Places } from "../engine/api/backend.ts";
import type { Failure } from "../engine/api/reply.ts";
import { backend, backendChoice, backendChoices, places, restartEngine, settled, startBackend } from "../state/engine.ts";
import { canIsolate, isIsolatedHere, setIsolation } from "../state/isolation.ts";
import { count, words } from "../state/locale.ts";
import { mayLoseAll } from "../state/unsaved.ts";
import { FailureNote } from "../ui/failure-note.tsx";
import { PassingButton } from "../ui/passing-button.tsx";
import { Popover } from "../ui/popover.tsx";

/** Where the model computes, why there, and what else there is. */
export function BackendChip() {
  const { label, about, choices, restart, ...texts } = words.value.backend;
  const state = backend.value;
  const summary = state.status === "ready" ? nameOf(state.value) : state.status === "failed" ? texts.failed : texts.loading;
  return (
    <Popover id="backend" label={label} status={state.status} summary={summary}>
      <p class="soft">{about}</p>
      {state.status === "failed" && (
        <>
          <FailureNote failure={state.failure} />
          <PassingButton next={() => document.querySelector("#backend input:checked")} onClick={() => void restartEngine()}>{restart}</PassingButton>
        </>
      )}
      <div class="options" role="radiogroup" aria-label={label}>
        {backendChoices.map((choice) => (
          <Option key={choice} choice={choice} name={choices[choice]} />
        ))}
      </div>
      <Isolation />
    </Popover>
  );
}

function Option({ choice, name }: { readonly choice: BackendChoice; readonly name: string }) {
  const found = places.value;
  const obstacle = found && obstacleTo(choice, found);
  return (
    <label>
      <input
        type="radio" name="backend" checked={backendChoice.value === choice} disabled={obstacle !== undefined}
        onChange={() => choose(choice)}
        onClick={(event) => {
          if (backendChoice.value !== choice && !mayLoseAll()) event.preventDefault();
        }}
      />
      <span>{name}</span>
      <span class="note">{obstacle ? words.value.backend.obstacles[obstacle] : found && noteOn(choice, found)}</span>
    </label>
  );
}

function choose(choice: BackendChoice): void {
  backendChoice.value = choice;
  void startBackend();
}

function obstacleTo(choice: BackendChoice, { webgpu, threads }: Places): Obstacle | undefined {
  if (choice === "webgpu" && "obstacle" in webgpu) return webgpu.obstacle;
  if (choice === "threads" && "obstacle" in threads) return threads.obstacle;
  return undefined;
}

/** What there is to say of what can be chosen. */
function noteOn(choice: BackendChoice, { webgpu, threads }: Places): string | undefined {
  const { threads: threadsText, obstacles } = words.value.backend;
  const state = backend.value;
  // Of another choice, the state tells nothing of what would be taken.
  if (choice === "auto" && backendChoice.value === "auto" && state.status === "ready") return [nameOf(state.value), state.value.detail].filter(Boolean).join(" · ");
  if (choice === "webgpu" && "adapter" in webgpu) return webgpu.isSoftware ? obstacles["software-adapter"] : webgpu.adapter;
  if (choice === "threads" && "count" in threads) return threadsText(count(threads.count));
  return undefined;
}

function nameOf({ kind, threads }: BackendReport): string {
  const { webgpu, wasm } = words.value.backend;
  return kind === "webgpu" ? webgpu : wasm(count(threads));
}

/** The service worker that sets the headers, where the host does not. */
function Isolation() {
  const { isolate, isolateAbout } = words.value.backend;
  const isOn = isIsolatedHere.value;
  const failure = useSignal<Failure | undefined>(undefined);
  if (!canIsolate || isOn === undefined || (crossOriginIsolated && !isOn)) return null;
  const set = async (on: boolean): Promise<void> => {
    const done = await settled(setIsolation(on));
    // The box is drawn anew, as it was.
    if (done.status === "failed") failure.value = done.failure;
  };
  return (
    <div class="options">
      <label>
        <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => void set(currentTarget.checked)} />
        <span>{isolate}</span>
        <span class="note">{isolateAbout}</span>
      </label>
      {failure.value && <FailureNote failure={failure.value} />}
    </div>
  );
}
