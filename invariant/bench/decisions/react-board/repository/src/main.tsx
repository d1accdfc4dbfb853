import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BoardView } from "./components/BoardView";

const root = document.getElementById("root");
if (root === null) {
  throw new Error("no element with the id root");
}

// @ts-expect-error the build step replaces the name
const boardId: string = __BOARD_ID__;

createRoot(root).render(
  <StrictMode>
    <BoardView id={boardId} />
  </StrictMode>,
);
