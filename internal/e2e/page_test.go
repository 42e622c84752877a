//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/scaling-adapter/scaling-adapter/internal/e2e/promtest"
)

// startDemo starts the demo and returns where its status page is.
func startDemo(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("SCALING_ADAPTER")
	if _, err := exec.LookPath(binary); err != nil {
		t.Fatalf("SCALING_ADAPTER does not name the binary: %s; run make e2e", err)
	}
	demo := exec.Command(binary, "demo", "--web.enable-control-api")
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		_ = demo.Process.Kill() // it may have ended
		reading.Wait()
		_ = demo.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`status page +(http://[^/]+)/`).FindStringSubmatch(lines.Text()); found != nil {
			reading.Go(func() { _, _ = io.Copy(io.Discard, out) })
			promtest.WaitFor(t, time.Minute, "the demo to take a tick", func() error {
				_, err := fetch(http.MethodGet, found[1]+"/-/ready")
				return err
			})
			return found[1]
		}
	}
	t.Fatalf("the demo does not say where its status page is: %v", lines.Err())
	return ""
}

// browser is a tab of Chromium. What goes wrong in it fails the test.
type browser struct {
	context.Context
	url string
	axe string // source

	mu       sync.Mutex
	expected bool // something is to go wrong now
	wrong    []string
}

func newBrowser(t *testing.T, url string) *browser {
	t.Helper()
	chromium := os.Getenv("CHROMIUM")
	if _, err := exec.LookPath(chromium); err != nil {
		t.Fatalf("CHROMIUM does not name a browser: %s; run make e2e", err)
	}
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Fatalf("AXE does not name axe-core: %s; run make e2e", err)
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	patient, cancel := context.WithTimeout(tab, 4*time.Minute)
	t.Cleanup(cancel)
	b := &browser{Context: patient, url: url, axe: string(axe)}
	if err := chromedp.Listen(patient, b.watch); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, text := range b.wrong {
			t.Error(text)
		}
	})
	return b
}

// watch notes what a page must not do: ask others, or complain.
func (b *browser) watch(event any) {
	text := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.url+"/") && !strings.HasPrefix(u, "data:") && u != "about:blank" {
			text = "a request to another origin: " + u
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			text = fmt.Sprintf("the browser complains: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		text = fmt.Sprintf("an exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			text = fmt.Sprintf("an error on the console: %+v", e.Args[0])
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if text != "" && !b.expected {
		b.wrong = append(b.wrong, text)
	}
}

func (b *browser) expectTrouble(yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = yes
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		t.Fatal(err)
	}
}

// call sends a command of the browser's protocol.
func call[P, R any](t *testing.T, b *browser, command cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(b, command, params); err != nil {
		t.Fatal(err)
	}
}

// open loads a page and waits until its script, if there is one, has run.
func (b *browser) open(t *testing.T, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.url+path), chromedp.WaitReady(chromedp.CSS("footer")))
}

// value is that of an expression.
func value[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// until waits until an expression is true.
func (b *browser) until(t *testing.T, what, expression string) {
	t.Helper()
	promtest.WaitFor(t, time.Minute, what, func() error {
		if !value[bool](t, b, "!!("+expression+")") {
			return fmt.Errorf("it is not so that %s", expression)
		}
		return nil
	})
}

// The pages have no barriers that can be found by a program, whatever they are looked at
// with, and nothing of them sticks out of a narrow screen.
func TestStatusPageHasNoBarriers(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	b.order(t, http.MethodPut, `{"max":30,"mode":"active","author":"anna","reason":"so that there is one to see","duration":"8h"}`)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 360} {
			for _, path := range []string{"/", "/pools/nba", "/pools/nba?range=7d", "/configuration", "/pools/none"} {
				t.Run(fmt.Sprintf("%s %d %s", scheme, width, path), func(t *testing.T) {
					b.expectTrouble(path == "/pools/none") // a status of 404 is an error to browsers
					defer b.expectTrouble(false)
					b.do(t, chromedp.EmulateViewport(width, 900))
					call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
					b.open(t, path)
					value[bool](t, b, `document.querySelectorAll('details').forEach(d => d.open = true), true`)
					b.audit(t)
					if over := value[int](t, b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
						t.Errorf("the page is %d pixels wider than the screen", over)
					}
				})
			}
		}
	}
	b.do(t, chromedp.EmulateViewport(1280, 900))
	b.open(t, "/pools/nba")
	b.fillOrder(t, "finals tonight")
	b.until(t, "the dialog", `document.getElementById('confirm').open`)
	b.audit(t)
}

// audit fails the test for each of axe-core's rules that the page breaks.
func (b *browser) audit(t *testing.T) {
	t.Helper()
	value[bool](t, b, b.axe+"; true")
	var found []struct {
		ID, Help string
		Nodes    []struct {
			HTML           string
			FailureSummary string `json:"failureSummary"`
		}
	}
	if err := json.Unmarshal([]byte(value[string](t, b, `axe.run().then(r => JSON.stringify(r.violations))`)), &found); err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		for _, n := range v.Nodes {
			t.Errorf("%s: %s\n%s\n%s", v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// order sends an order about the pool nba past the page.
func (b *browser) order(t *testing.T, method, body string) {
	t.Helper()
	r, err := http.NewRequest(method, b.url+"/api/v1/overrides/nba", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %s", method, resp.Status)
	}
}

// The page changes under those who read it, and leaves them where they are.
func TestStatusPageKeepsUpToDate(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	b.open(t, "/pools/nba")
	b.do(t,
		chromedp.Click(chromedp.CSS("#numbers > summary")), chromedp.Focus(chromedp.CSS("#numbers > summary")),
		chromedp.SendKeys(chromedp.CSS(`[name="reason"]`), "half a sen"),
	)
	value[bool](t, b, `window.before = {
		tick: document.getElementById('tick').textContent,
		chart: document.querySelector('.chart .load').getAttribute('d'),
		input: document.activeElement,
		top: (scrollTo(0, 300), document.getElementById('chart-title').getBoundingClientRect().top), // whatever what is above it says
	}; true`)
	b.until(t, "news", `document.getElementById('tick').textContent !== before.tick && document.querySelector('.chart .load').getAttribute('d') !== before.chart`)
	for _, so := range []string{
		`document.getElementById('numbers').open`, `document.activeElement === before.input`, `before.input.value === 'half a sen'`, `Math.abs(document.getElementById('chart-title').getBoundingClientRect().top - before.top) < 2`,
	} {
		if !value[bool](t, b, so) {
			t.Errorf("after an update it is not so that %s", so)
		}
	}

	// Those who do not want it stop it.
	b.do(t, chromedp.Click(chromedp.CSS("#pause")))
	b.until(t, "the pause", `document.getElementById('pause').getAttribute('aria-pressed') === 'true' && document.getElementById('updated').textContent.startsWith('as of ')`)

	// When there are no news it says so.
	b.expectTrouble(true)
	call(t, b, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: b.url + "/pools/*", Block: true}}})
	b.do(t, chromedp.Click(chromedp.CSS("#pause")))
	b.until(t, "the page to say that it is old", `document.getElementById('updated').textContent.startsWith('not updated since ')`)
	call(t, b, network.SetBlockedURLs, network.SetBlockedURLsParams{})
	value[string](t, b, `before.tick = document.getElementById('tick').textContent`)
	b.do(t, chromedp.Click(chromedp.CSS("#pause")), chromedp.Click(chromedp.CSS("#pause")))
	b.until(t, "news again", `document.getElementById('updated').textContent === '' && document.getElementById('tick').textContent !== before.tick`)
	b.expectTrouble(false)
}

// fillOrder writes an override of 9 agents into the form of a pool's page and sends it.
func (b *browser) fillOrder(t *testing.T, reason string) {
	t.Helper()
	b.do(t, chromedp.SetValue(chromedp.CSS(`[name="agents"]`), "9"), chromedp.SetValue(chromedp.CSS(`[name="author"]`), "anna"),
		chromedp.SetValue(chromedp.CSS(`[name="reason"]`), reason), chromedp.SendKeys(chromedp.CSS(`[name="author"]`), kb.Enter))
}

// overrides are the reasons of those that hold.
func (b *browser) overrides(t *testing.T) (reasons []string) {
	t.Helper()
	text, err := fetch(http.MethodGet, b.url+"/api/v1/overrides")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Data []struct{ Reason string } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	for _, o := range answer.Data {
		reasons = append(reasons, o.Reason)
	}
	return reasons
}

// An override is set and ended from the page, after it was said what that does.
func TestStatusPageTakesOrders(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	b.open(t, "/pools/nba")
	text := func(id string) string { return value[string](t, b, `document.getElementById('`+id+`').textContent`) }
	asks := func(what string) {
		t.Helper()
		b.until(t, "the dialog", `document.getElementById('confirm').open`)
		if got := text("confirm-text"); !strings.Contains(got, what) {
			t.Errorf("the page asks %q, want %q", got, what)
		}
	}

	b.fillOrder(t, "finals tonight")
	asks("For 1h, nba is to have exactly 9 agents.")
	asks("to 9 agents with the next tick, and the orchestrator is asked for that.")
	b.do(t, chromedp.KeyEvent(kb.Escape))
	b.until(t, "the dialog to close", `!document.getElementById('confirm').open`)
	if got := b.overrides(t); len(got) != 0 {
		t.Errorf("an override that was not confirmed is set: %v", got)
	}

	// What the API refuses is said.
	b.expectTrouble(true) // a status of 400 is an error to browsers
	b.fillOrder(t, "rings a bell\a")
	asks("exactly 9 agents")
	b.do(t, chromedp.Click(chromedp.CSS("#confirm-yes")))
	b.until(t, "the refusal", `document.getElementById('confirm-error').textContent.includes('reason holds characters that cannot be printed')`)
	b.do(t, chromedp.KeyEvent(kb.Escape))
	b.expectTrouble(false)

	b.fillOrder(t, "finals tonight")
	asks("exactly 9 agents")
	b.do(t, chromedp.Click(chromedp.CSS("#confirm-yes")))
	b.until(t, "the override on the page", `document.querySelector('tr[id^="override-nba"] td')?.textContent.includes('exactly 9')`)
	b.until(t, "the word that it is set", `document.activeElement.id === 'said' && document.activeElement.textContent.startsWith('The override is set.')`)
	if got := b.overrides(t); len(got) != 1 || got[0] != "finals tonight" {
		t.Errorf("got overrides %v", got)
	}

	b.open(t, "/")
	b.do(t, chromedp.Focus(chromedp.CSS(`[data-end="nba"]`)), chromedp.KeyEvent(kb.Enter))
	asks("The override of nba (exactly 9) ends now.")
	b.do(t, chromedp.Click(chromedp.CSS("#confirm-yes")))
	b.until(t, "the override to be gone", `!document.querySelector('[data-end]') && document.getElementById('said').textContent === 'The override of nba is ended.'`)
	if got := b.overrides(t); len(got) != 0 {
		t.Errorf("got overrides %v", got)
	}
}

// Everything is reached with a keyboard alone, and read without a script.
func TestStatusPageNeedsNeitherMouseNorScript(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	b.open(t, "/")
	b.do(t, chromedp.KeyEvent(kb.Tab))
	if got := value[string](t, b, `document.activeElement.textContent`); got != "Skip to the content" {
		t.Errorf("the first stop is %q", got)
	}
	b.do(t, chromedp.KeyEvent(kb.Enter))
	b.until(t, "the focus to be on the content", `document.activeElement.id === 'main'`)
	for range 20 {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		if value[string](t, b, `document.activeElement.getAttribute('href') || ''`) == "/pools/nba" {
			break
		}
	}
	if outline := value[string](t, b, `getComputedStyle(document.activeElement).outlineStyle`); outline != "solid" {
		t.Errorf("where the focus is cannot be seen: its outline is %s", outline)
	}
	b.do(t, chromedp.KeyEvent(kb.Enter), chromedp.WaitReady(chromedp.CSS("#numbers")))
	if got := value[string](t, b, `location.pathname`); got != "/pools/nba" {
		t.Errorf("Enter leads to %s", got)
	}

	call(t, b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for _, path := range []string{"/", "/pools/nba", "/configuration"} {
		b.open(t, path)
		tables := value[int](t, b, `document.querySelectorAll('table').length`)
		buttons := value[int](t, b, `[...document.querySelectorAll('button, form')].filter(e => e.checkVisibility()).length`)
		if tables == 0 || buttons > 0 {
			t.Errorf("%s without a script: %d tables, and %d things that need one", path, tables, buttons)
		}
	}
}
