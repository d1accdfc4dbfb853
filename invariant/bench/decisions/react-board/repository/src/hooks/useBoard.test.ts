import { renderHook, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import * as client from "../api/client";
import { useBoard } from "./useBoard";

const board: client.Board = {
  name: "Workshop",
  columns: ["todo", "doing"],
  cards: [{ id: "c1", title: "Saw", column: "todo", notesHtml: "", photoUrl: null }],
};

test("shows the board from the server", async () => {
  vi.spyOn(client, "getBoard").mockResolvedValue(board);
  const { result } = renderHook(() => useBoard("b1"));
  await waitFor(() => expect(result.current.stale).toBe(false));
  expect(result.current.board!.name).toBe("Workshop");
});

test("moves a card", async () => {
  vi.spyOn(client, "getBoard").mockResolvedValue(board);
  vi.spyOn(client, "moveCard").mockResolvedValue({ ...board.cards[0]!, column: "doing" });
  const { result } = renderHook(() => useBoard("b1"));
  await waitFor(() => expect(result.current.stale).toBe(false));
  await result.current.move("c1", "doing");
  await waitFor(() => expect(result.current.board!.cards[0]!.column).toBe("doing"));
});
