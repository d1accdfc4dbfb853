import { Router } from "express";
import { issueToken } from "../middleware/auth.js";
import { asyncHandler, HttpError } from "../middleware/errors.js";
import { checkPassword } from "../services/passwords.js";

export const sessions = Router();

sessions.post(
  "/",
  asyncHandler(async (request, response) => {
    const { email, password } = request.body as { email?: string; password?: string };
    if (email == null || password == null) {
      throw new HttpError(400, "incomplete", "email and password are needed");
    }
    const user = await checkPassword(email, password);
    if (user === null) {
      throw new HttpError(401, "unauthorized", "wrong email or password");
    }
    response.status(201).json({ token: issueToken(user) });
  }),
);
