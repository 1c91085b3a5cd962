-- Does in Neovim what a test asks for: steps as a JSON list in the file that $EZ_STEPS names, and for each step what
-- Neovim shows after it as a line of JSON. Nothing is slept for: a step ends when what it waits for is seen, or at the limit.
local LIMIT = 50000 -- milliseconds; a test that runs into it fails, because it then sees something else
local EVERY = 5

local root = vim.loop.fs_realpath(vim.fn.getcwd())

local function relative(path)
  path = vim.loop.fs_realpath(path) or path
  return path:sub(1, #root + 1) == root .. '/' and path:sub(#root + 2) or path
end

local function client()
  local get = vim.lsp.get_clients or function() return vim.lsp.buf_get_clients(0) end
  for _, one in pairs(get({ bufnr = 0 })) do
    if one.name == 'ez' then return one end
  end
end

local function wait(condition) return vim.wait(LIMIT, condition, EVERY) end

local function text() return vim.api.nvim_buf_get_lines(0, 0, -1, true) end

-- Lines and columns of steps begin at 1, columns are bytes.
local function go(step) vim.api.nvim_win_set_cursor(0, { step.line, step.column - 1 }) end

local function place()
  local at = vim.api.nvim_win_get_cursor(0)
  return ('%s:%d:%d'):format(relative(vim.api.nvim_buf_get_name(0)), at[1], at[2] + 1)
end

local function findings()
  local found = {}
  for _, one in ipairs(vim.diagnostic.get(0)) do
    local code = one.code or one.user_data.lsp.code
    table.insert(found, ('%d %s %s'):format(one.lnum + 1, code, vim.split(one.message, '\n')[1]))
  end
  table.sort(found)
  return found
end

-- Waits until what is on the screen has changed in the current buffer.
local function until_changed(act)
  local before = vim.api.nvim_buf_get_changedtick(0)
  act()
  return wait(function() return vim.api.nvim_buf_get_changedtick(0) ~= before end)
end

local function floating()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then return window end
  end
end

local function quickfix()
  return vim.tbl_map(
    function(item) return ('%s:%d:%d'):format(relative(vim.fn.bufname(item.bufnr)), item.lnum, item.col) end,
    vim.fn.getqflist()
  )
end

local doing = {}

function doing.open(step)
  vim.cmd('edit ' .. step.file)
  if step.is_ours == false then return { vim.bo.filetype, client() and client().name } end
  wait(function() return client() ~= nil and (client().initialized or vim.fn.has('nvim-0.8') == 0) end)
  return { vim.bo.filetype, client() and client().name }
end

-- The findings, as soon as they are those that are expected.
function doing.findings(step)
  wait(function() return vim.deep_equal(findings(), step.expected) end)
  return findings()
end

-- Replaces a piece of a line, as typing does.
function doing.replace(step)
  vim.api.nvim_buf_set_text(0, step.line - 1, step.from - 1, step.line - 1, step.to - 1, vim.split(step.text, '\n'))
  return vim.api.nvim_buf_get_lines(0, step.line - 1, step.line, true)[1]
end

-- What is offered at a place, in Neovim's order.
function doing.complete(step)
  go(step)
  local params = vim.lsp.util.make_position_params(0, client().offset_encoding)
  local answers = vim.lsp.buf_request_sync(0, 'textDocument/completion', params, LIMIT)
  local result = answers[client().id].result
  local items = vim.lsp.util.extract_completion_items(result)
  table.sort(items, function(a, b) return (a.sortText or a.label) < (b.sortText or b.label) end)
  return vim.tbl_map(function(item) return item.label end, items)
end

-- The first line of the window that appears.
function doing.hover(step)
  go(step)
  vim.lsp.buf.hover()
  wait(floating)
  local window = floating()
  local lines = window and vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true)
  if window then vim.api.nvim_win_close(window, true) end
  return lines
end

-- Where the jump leads.
function doing.definition(step)
  go(step)
  local before = place()
  vim.lsp.buf.definition()
  wait(function() return place() ~= before end)
  return place()
end

function doing.references(step)
  go(step)
  vim.fn.setqflist({})
  vim.lsp.buf.references()
  wait(function() return #vim.fn.getqflist() > 0 end)
  vim.cmd('cclose')
  local found = quickfix()
  table.sort(found)
  return found
end

-- Renames, writes, and tells which files were changed.
function doing.rename(step)
  go(step)
  until_changed(function() vim.lsp.buf.rename(step.name) end)
  local changed = {}
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_option(buffer, 'modified') then
      table.insert(changed, relative(vim.api.nvim_buf_get_name(buffer)))
    end
  end
  table.sort(changed)
  vim.cmd('wall')
  return changed
end

-- Chooses an action at a place by its title, and tells what was offered.
function doing.action(step)
  go(step)
  local offered = {}
  vim.ui.select = function(items, options, choose)
    for _, item in ipairs(items) do
      local title = (item.action or item[2]).title
      table.insert(offered, title)
      if title == step.title then choose(item) end
    end
  end
  until_changed(function() vim.lsp.buf.code_action() end)
  table.sort(offered)
  return offered
end

-- The lenses of a line, and whether what is seen after the choice of one has a text.
function doing.lens(step)
  vim.api.nvim_win_set_cursor(0, { step.line, 0 })
  local function here()
    return vim.tbl_filter(
      function(lens) return lens.command and lens.range.start.line == step.line - 1 end,
      vim.lsp.codelens.get(0)
    )
  end
  vim.lsp.codelens.refresh()
  wait(function() return #here() == step.count end)
  local titles = vim.tbl_map(function(lens) return lens.command.title end, here())
  table.sort(titles)
  vim.ui.select = function(items, _, choose)
    for _, item in ipairs(items) do
      local lens = item.lens or item
      if lens.command.title == step.title then choose(item) end
    end
  end
  vim.lsp.codelens.run()
  local seen = wait(function() return table.concat(text(), '\n'):find(step.output, 1, true) ~= nil end)
  return { titles, seen }
end

function doing.format()
  until_changed(function()
    local format = vim.lsp.buf.format or function() vim.lsp.buf.formatting_sync(nil, LIMIT) end
    format({ timeout_ms = LIMIT })
  end)
  return text()
end

function doing.text() return text() end

local function run()
  for _, step in ipairs(vim.fn.json_decode(vim.fn.readfile(os.getenv('EZ_STEPS')))) do
    io.stdout:write(vim.fn.json_encode(doing[step['do']](step)) .. '\n')
  end
end

local ok, problem = pcall(run)
if not ok then io.stderr:write(problem .. '\n') end
vim.cmd(ok and 'qa!' or 'cq!')
