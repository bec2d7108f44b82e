// First, since it has the order of the layers.
import "./ui/base.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { startEngine } from "./state/engine.ts";
import { lookForIsolation } from "./state/isolation.ts";
import { followAddress } from "./state/link.ts";

void startEngine();
void lookForIsolation();
followAddress();
render(<App />, document.getElementById("app")!);
