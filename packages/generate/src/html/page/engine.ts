import type { ChatMessage } from "@gpt/tokenizer/chat";
import type { Controls, Failure, Order, PageModel, Report } from "./messages.ts";

export interface EngineListener {
  onOpened(): void;
  /** Gives whether there is to be more. */
  onText(text: string): boolean;
  onFinish(report: Extract<Report, { readonly type: "finish" }>): void;
  onFailure(failure: Failure): void;
}

/** The Worker, which is made of a script that the page holds. */
export class Engine {
  readonly #worker: Worker;

  /** Throws where the browser makes no Worker. */
  constructor(script: string, listener: EngineListener) {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    this.#worker = new Worker(url);
    this.#worker.addEventListener("message", ({ data: report }: MessageEvent<Report>) => {
      switch (report.type) {
        case "opened":
          return listener.onOpened();
        case "text":
          return this.#send({ type: "more", wanted: listener.onText(report.text) });
        case "finish":
          return listener.onFinish(report);
        case "failure":
          return listener.onFailure(report.failure);
      }
    });
    this.#worker.addEventListener("error", ({ message }) => listener.onFailure({ code: "engine-died", message }));
  }

  open(model: PageModel): void {
    this.#send({ type: "open", model });
  }

  push(base64: string): void {
    this.#send({ type: "part", base64 });
  }

  write(given: string | readonly ChatMessage[], controls: Controls): void {
    this.#send({ type: "write", given, controls });
  }

  #send(order: Order): void {
    this.#worker.postMessage(order);
  }
}
