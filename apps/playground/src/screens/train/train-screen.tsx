import { useEffect } from "preact/hooks";
import { announce } from "../../state/announce.ts";
import { backend } from "../../state/engine.ts";
import { words } from "../../state/locale.ts";
import { refreshRuns, takeOver } from "../../state/runs.ts";
import { isTraining, outcome, setOwnFiles, shown } from "../../state/train.ts";
import { AttentionCard } from "./attention-card.tsx";
import { GradientCard } from "./gradient-card.tsx";
import { ProgressCard } from "./progress-card.tsx";
import { RunsCard } from "./runs-card.tsx";
import { SampleCard } from "./sample-card.tsx";
import { SetupCard } from "./setup-card.tsx";
import { endNote } from "./status.ts";
import "./train-screen.css";

export function TrainScreen() {
  const { train } = words.value;
  const isShown = shown.value !== undefined || isTraining.value;
  // An engine that was started anew is asked again.
  useEffect(() => void refreshRuns(), [backend.value.status]);
  useDrops();
  const ended = outcome.value;
  useEffect(() => {
    if (ended?.status === "ready") announce(endNote(ended.value));
  }, [ended]);
  return (
    <div class="screen train">
      <div class="intro">
        <h1>{train.heading}</h1>
        <p class="soft">{train.lead}</p>
      </div>
      <div class="desk">
        <div class="main">
          <ProgressCard />
          {isShown && <SampleCard />}
          {isShown && <GradientCard />}
        </div>
        <div class="side">
          <SetupCard />
          {isShown && <AttentionCard />}
        </div>
      </div>
      <RunsCard />
    </div>
  );
}

/** Texts that are dropped anywhere are to be learnt; a folder is a run. */
function useDrops(): void {
  useEffect(() => {
    // Text that is dragged is left to where it is dropped.
    const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent): void => {
      if (hasFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      void take(event.dataTransfer);
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
    };
  }, []);
}

/** What some browsers have: the handle of a file or folder that is dropped. */
interface DroppedItem {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

async function take(data: DataTransfer | null): Promise<void> {
  const files = [...(data?.files ?? [])];
  // It is to be asked for before anything is awaited. What cannot be read is a file that fails.
  const handles = await Promise.all(Array.from((data?.items ?? []) as Iterable<DroppedItem>, async (item) => item.getAsFileSystemHandle?.().catch(() => undefined)));
  const folder = handles.find((handle) => handle?.kind === "directory");
  if (folder) return takeOver(folder as FileSystemDirectoryHandle);
  await setOwnFiles(files);
}
