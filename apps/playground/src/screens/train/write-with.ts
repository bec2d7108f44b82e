import { openMade } from "../../state/models.ts";
import { failed } from "../../state/runs.ts";
import { beginAnew } from "../../state/write.ts";

/** Opens the model of a run in Write, with the prompt of the run's samples. */
export async function writeWith(run: string, prompt: string | undefined): Promise<void> {
  const opened = await openMade({ kind: "run", name: run });
  if (opened.status === "failed") {
    failed.value = opened;
    return;
  }
  beginAnew(prompt?.trim() || undefined);
  location.hash = "#write";
  // The button that has the focus goes.
  document.getElementById("content")?.focus();
}
