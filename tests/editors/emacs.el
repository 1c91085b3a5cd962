;;; emacs.el --- Does in Emacs what a test asks for  -*- lexical-binding: t -*-
;; Steps stand as a JSON list in the file that $EZ_STEPS names; what Emacs shows after each is printed as a line of JSON.
;; Nothing is slept for: a step ends when what it waits for is seen, or at the limit.

(require 'json)
(require 'seq)

(defconst limit 50 "Seconds; a test that runs into it fails, because it then sees something else.")

(defun until (condition)
  "Takes what the server says until CONDITION holds."
  (let ((end (+ (float-time) limit)) (seen nil))
    (while (not (or (setq seen (funcall condition)) (> (float-time) end)))
      (accept-process-output nil 0.05))
    seen))

(defun tell (value)
  "Prints VALUE as a line."
  (princ (concat (json-encode value) "\n")))

(defun go (step)
  "Goes to the place of STEP, whose lines and columns begin at 1."
  (goto-char (point-min))
  (forward-line (1- (alist-get 'line step)))
  (forward-char (1- (alist-get 'column step))))

(defun findings ()
  "What Flymake shows: line and first line of the message."
  (sort (mapcar (lambda (one)
                  (format "%d %s"
                          (line-number-at-pos (flymake-diagnostic-beg one))
                          (car (split-string (flymake-diagnostic-text one) "\n"))))
                (flymake-diagnostics))
        #'string<))

(defun place ()
  "Where point is."
  (format "%s:%d:%d" (file-relative-name (file-truename buffer-file-name) root)
          (line-number-at-pos) (1+ (current-column))))

(defun do-open (step)
  (switch-to-buffer (find-file-noselect (expand-file-name (alist-get 'file step) root)))
  ;; `eglot-ensure' waits for the end of a command, and there is none in a batch.
  (run-hooks 'post-command-hook)
  (until (lambda () (and (fboundp 'eglot-managed-p) (eglot-managed-p))))
  (list (symbol-name major-mode) (and (eglot-current-server) (plist-get (eglot--server-info (eglot-current-server)) :name))))

(defun do-findings (step)
  (let ((expected (append (alist-get 'expected step) nil)))
    (flymake-start)
    (until (lambda () (equal (findings) expected)))
    (vconcat (findings))))

(defun do-replace (step)
  (go (list (cons 'line (alist-get 'line step)) (cons 'column (alist-get 'from step))))
  (delete-char (- (alist-get 'to step) (alist-get 'from step)))
  (insert (alist-get 'text step))
  ;; What Emacs does when nothing has been typed for a moment.
  (eglot--signal-textDocument/didChange)
  (buffer-substring-no-properties (line-beginning-position) (line-end-position)))

(defun do-complete (step)
  (go step)
  (let ((offered (eglot-completion-at-point)))
    (vconcat (mapcar #'substring-no-properties (all-completions "" (nth 2 offered))))))

(defun do-hover (step)
  (go step)
  (let (shown)
    (eglot-hover-eldoc-function (lambda (text &rest _) (setq shown text)))
    (until (lambda () shown))
    (substring-no-properties (or shown ""))))

(defun do-definition (step)
  (go step)
  (xref-find-definitions (xref-backend-identifier-at-point (xref-find-backend)))
  (place))

(defun do-references (step)
  (go step)
  (let ((found (xref-backend-references (xref-find-backend) (xref-backend-identifier-at-point (xref-find-backend)))))
    (vconcat
     (sort (mapcar (lambda (one)
                     (with-current-buffer (marker-buffer (xref-location-marker (xref-item-location one)))
                       (save-excursion
                         (goto-char (xref-location-marker (xref-item-location one)))
                         (place))))
                   found)
           #'string<))))

(defun do-rename (step)
  (go step)
  (eglot-rename (alist-get 'name step))
  (let ((changed (seq-filter (lambda (buffer) (and (buffer-file-name buffer) (buffer-modified-p buffer))) (buffer-list))))
    (save-some-buffers t)
    (vconcat (sort (mapcar (lambda (buffer) (file-relative-name (file-truename (buffer-file-name buffer)) root)) changed) #'string<))))

(defun do-format (_step)
  (eglot-format-buffer)
  (vconcat (split-string (buffer-string) "\n" t)))

(defvar root (file-truename default-directory))

;; Eglot asks before it edits files that are not open.
(advice-add 'y-or-n-p :override (lambda (&rest _) t))

(setq eglot-sync-connect limit
      xref-prompt-for-identifier nil
      create-lockfiles nil
      make-backup-files nil)

(dolist (step (append (json-read-file (getenv "EZ_STEPS")) nil))
  (tell (funcall (intern (concat "do-" (alist-get 'do step))) step)))
(let ((kill-emacs-hook nil))
  (ignore-errors (eglot-shutdown-all))
  (kill-emacs 0))
