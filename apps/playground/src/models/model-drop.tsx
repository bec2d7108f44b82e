import { useEffect } from "preact/hooks";
import { openListed } from "../state/models.ts";
import { screen } from "../state/route.ts";
import { droppedModel } from "./chosen-files.ts";
import { showModels } from "./models-dialog.tsx";

/** A model that is dropped anywhere on the page is opened; other files are left to the screen. */
export function ModelDrop() {
  useEffect(() => {
    const controller = new AbortController();
    const options = { signal: controller.signal, capture: true };
    addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    }, options);
    addEventListener("drop", (event) => {
      // Where models are trained, a folder is a run.
      const dropped = event.dataTransfer && droppedModel(event.dataTransfer, screen.value !== "train");
      if (!dropped) return;
      event.preventDefault();
      // Screens that take files forget that something is over them.
      dispatchEvent(new DragEvent("dragleave", { dataTransfer: event.dataTransfer }));
      event.stopImmediatePropagation();
      showModels();
      void openListed(dropped.name, dropped.source);
    }, options);
    return () => controller.abort();
  }, []);
  return null;
}
