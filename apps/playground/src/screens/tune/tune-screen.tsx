import { engine, model } from "../../state/engine.ts";
import { words } from "../../state/locale.ts";
import { run, source, task } from "../../state/tune.ts";
import { useLatest } from "../../ui/use-latest.ts";
import { ChatCard } from "./chat-card.tsx";
import { ClassifyCard } from "./classify-card.tsx";
import { DataCard } from "./data-card.tsx";
import { MethodCard } from "./method-card.tsx";
import { RunCard } from "./run-card.tsx";
import { TakeAway } from "./take-away.tsx";
import "./tune-screen.css";

/** Tune the open model to one's own examples, try it, and take it away. */
export function TuneScreen() {
  // The model itself, for one that is opened from the same source anew is another.
  const wanted = () => [source.value, task.value, model.value] as const;
  const { tune } = words.value;
  const isReady = model.value.status === "ready";
  const report = useLatest(
    async () => (isReady ? { of: wanted(), ...(await engine.ask("readTuningData", task.peek(), source.peek())) } : undefined),
    wanted(),
  );
  // What was read is that which is to be learnt, by the model that is open.
  const read = report.status === "ready" && report.value?.of.every((part, i) => part === wanted()[i]) ? report.value : undefined;
  return (
    <div class="screen tune">
      <div class="intro">
        <h1>{tune.heading}</h1>
        <p class="soft">{tune.lead}</p>
      </div>
      <div class="desk">
        <DataCard report={report} />
        <MethodCard read={read} />
        {run.value && (
          <>
            <RunCard run={run.value} />
            <div class="side">
              {run.value.task === "labels" ? <ClassifyCard run={run.value} /> : <ChatCard run={run.value} />}
              <TakeAway run={run.value} />
            </div>
          </>
        )}
      </div>
    </div>
  );
}
